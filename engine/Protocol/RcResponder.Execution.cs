using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>Executing requests that passed the checks: each exactly once.</summary>
internal sealed unsafe partial class RcResponder
{
    private MessageKind _message;
    private ReceiveSlot* _receive;
    private uint _messageBytes;
    private uint _writeKey;
    private uint _writeRemaining;
    private ulong _writeAddress;

    private SlotPool<ReceiveSlot> Slots => _qp.Resources.ReceiveSlots;

    private bool ExecuteSend(in Packet packet, in Part part, long nowNs)
    {
        if (part.Has(PacketTraits.StartsMessage))
        {
            _message = MessageKind.Send;
            _messageBytes = 0;
        }

        bool ends = part.Has(PacketTraits.EndsMessage);
        var payload = new PayloadReader(packet, part.SkipBytes);
        ref ReceiveWorkRequest receive = ref _receive->Request;
        if (Placement.Scatter(_qp, ref payload, ref receive.Sges, receive.SgeCount, _messageBytes, (uint)part.Bytes, ends) != AccessVerdict.Granted)
        {
            FinishReceive(CompletionStatus.LocalProtectionError, "a receive buffer is not writable under its lkey");
            Fail(NakCode.RemoteOperationalError, part.Psn, null, nowNs);
            return false;
        }

        _messageBytes += (uint)part.Bytes;
        if (part.Has(PacketTraits.HasInvalidateKey) && _qp.Host.InvalidateRemoteKey(_qp, packet.ImmediateOrKey) != AccessVerdict.Granted)
        {
            FinishReceive(CompletionStatus.RemoteInvalidRequestError, "the key that a SEND with invalidate names cannot be invalidated");
            Fail(NakCode.RemoteAccessError, part.Psn, QueuePairEvent.AccessError, nowNs);
            return false;
        }

        _expectedPsn += part.Count;
        if (ends)
        {
            EndMessage();
            CompleteReceive(packet, part, CompletionOpcode.Receive);
        }

        return true;
    }

    private bool ExecuteWrite(in Packet packet, in Part part, long nowNs)
    {
        if (part.Has(PacketTraits.StartsMessage))
        {
            _message = MessageKind.Write;
            _messageBytes = packet.DmaLength;
            _writeRemaining = packet.DmaLength;
            _writeAddress = packet.RemoteAddress;
            _writeKey = packet.RemoteKey;
        }

        bool ends = part.Has(PacketTraits.EndsMessage);
        var payload = new PayloadReader(packet, part.SkipBytes);
        if (Placement.Write(_qp, ref payload, _writeKey, _writeAddress, (uint)part.Bytes, ends) != AccessVerdict.Granted)
        {
            FailAccess(part, nowNs);
            return false;
        }

        _writeAddress += (uint)part.Bytes;
        _writeRemaining -= (uint)part.Bytes;
        _expectedPsn += part.Count;
        if (ends)
        {
            EndMessage();
            if (part.Has(PacketTraits.HasImmediate))
            {
                CompleteReceive(packet, part, CompletionOpcode.ReceiveWriteWithImmediate);
            }
        }

        return true;
    }

    /// <summary>
    /// <see cref="IPacketReceiver.TryFindPlace"/> for a SEND or WRITE: the checks that a middle packet of the message in progress goes through.
    /// </summary>
    public bool TryFindPlace(ref Packet run, PacketTraits traits)
    {
        bool isSend = (traits & PacketTraits.Send) != 0;
        if (run.Psn != _expectedPsn || run.PayloadBytes != run.PsnCount << _qp.MtuShift || _reorder is { Count: > 0 }
            || _message != (isSend ? MessageKind.Send : MessageKind.Write)
            || (!isSend && (_qp.Attributes.Access & AccessFlags.RemoteWrite) == 0))
        {
            return false;
        }

        // The last byte of a WRITE is its last packet's.
        uint room = isSend ? _receive->Request.TotalBytes - _messageBytes : _writeRemaining - 1;
        uint packets = Math.Min((uint)run.PsnCount, room >> _qp.MtuShift);
        uint bytes = packets << _qp.MtuShift;
        var segments = new SegmentList(new Span<MemorySegment>(run.Segments, run.SegmentCount));
        AccessVerdict verdict = isSend
            ? SgeRange.Translate(_qp, ref _receive->Request.Sges, _receive->Request.SgeCount, _messageBytes, bytes, AccessFlags.LocalWrite, ref segments)
            : _qp.Host.TranslateRemote(_qp, _writeKey, _writeAddress, bytes, AccessFlags.RemoteWrite, ref segments);
        run.PsnCount = (int)packets;
        run.PayloadBytes = (int)bytes;
        run.SegmentCount = segments.Count;
        return packets != 0 && verdict == AccessVerdict.Granted;
    }

    /// <summary>Takes a READ; its data is read when the responses are sent. IBTA vol. 1, 9.7.5.1.2.</summary>
    private bool ExecuteRead(in Packet packet, in Part part)
    {
        EndMessage();
        ref ReadAtomicResource read = ref _resources!.Add();
        read.FirstPsn = part.Psn;
        read.PacketCount = ReadPackets(packet.DmaLength);
        read.RemoteKey = packet.RemoteKey;
        read.Address = packet.RemoteAddress;
        read.Bytes = packet.DmaLength;
        read.MessageSequenceNumber = _messageSequenceNumber;
        read.AnswerEnd = read.PacketCount;
        read.AnswerEndBytes = packet.DmaLength;
        _expectedPsn += read.PacketCount;
        _qp.Schedule();
        return true;
    }

    private uint ReadPackets(uint bytes) => bytes == 0 ? 1 : (bytes - 1 >> _qp.MtuShift) + 1;

    private void EndMessage()
    {
        _message = MessageKind.None;
        _messageSequenceNumber = (_messageSequenceNumber + 1) & (Psn.Modulus - 1);
    }

    private void CompleteReceive(in Packet packet, in Part part, CompletionOpcode opcode)
    {
        Completion completion = default;
        completion.WorkRequestId = _receive->Request.WorkRequestId;
        completion.Status = CompletionStatus.Success;
        completion.Opcode = opcode;
        completion.Flags = part.Has(PacketTraits.HasImmediate) ? CompletionFlags.WithImmediate
            : part.Has(PacketTraits.HasInvalidateKey) ? CompletionFlags.WithInvalidate
            : CompletionFlags.None;
        completion.Solicited = (packet.Flags & PacketFlags.SolicitedEvent) != 0;
        completion.Bytes = _messageBytes;
        completion.ImmediateOrKey = completion.Flags == CompletionFlags.None ? 0 : packet.ImmediateOrKey;
        ReturnReceive(completion);
    }

    private void FinishReceive(CompletionStatus status, string? hint)
    {
        ReturnReceive(_receive->Failed(status, hint));
    }

    private void ReturnReceive(in Completion completion)
    {
        Slots.Return(_receive);
        _receive = null;
        _qp.Host.CompleteReceive(_qp, completion);
    }
}
