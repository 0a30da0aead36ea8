using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>The checks of a request, in the specification's order. IBTA vol. 1, 9.7.4.1, figure 99.</summary>
internal sealed unsafe partial class RcResponder
{
    private const uint MessageBytesMax = 1u << 31;

    // A range up to this many bytes that comes at once is translated in one piece when it is written, so that it needs no look before.
    private const uint CheckedOnWriteBytes = 4096;

    /// <summary>9.7.4.1.1: is it the next request, one that came before, or one too early?</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ResponderVerdict CheckPsn(in Packet packet, ref Part part, long nowNs)
    {
        int distance = part.Psn.DistanceFrom(_expectedPsn);
        if (distance == 0)
        {
            if (_resendRequested)
            {
                _resendRequested = false;
                _notReadyUntilNs = 0;
                _acknowledgement.Withdraw();
            }

            return ResponderVerdict.Accept;
        }

        if (distance > 0)
        {
            return TakeEarly(packet, part, distance, nowNs);
        }

        return distance + part.Count > 0 ? TakeTail(ref part, -distance) : HandleDuplicate(packet, part);
    }

    /// <summary>A local run whose first packets came by the wire before: only the rest of it is new.</summary>
    private ResponderVerdict TakeTail(ref Part part, int packets)
    {
        part.SkipBytes = packets << _qp.MtuShift;
        part.Bytes -= part.SkipBytes;
        part.Count -= packets;
        part.Psn = _expectedPsn;
        PacketTraits place = part.Has(PacketTraits.EndsMessage) ? PacketTraits.Last : PacketTraits.Middle;
        part.Traits &= ~(PacketTraits.First | PacketTraits.Only | PacketTraits.Middle | PacketTraits.Last
            | PacketTraits.StartsMessage | PacketTraits.HasReth);
        part.Traits |= place;
        if (_resendRequested)
        {
            _resendRequested = false;
            _notReadyUntilNs = 0;
            _acknowledgement.Withdraw();
        }

        return ResponderVerdict.Accept;
    }

    /// <summary>9.7.4.1.2: a message goes First, Middle…, Last, or is an Only, and is not interrupted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ResponderVerdict CheckSequence(in Part part, long nowNs)
    {
        MessageKind kind = part.Has(PacketTraits.StartsMessage) ? MessageKind.None
            : part.Has(PacketTraits.Send) ? MessageKind.Send
            : MessageKind.Write;
        return kind == _message
            ? ResponderVerdict.Accept
            : Fail(NakCode.InvalidRequest, part.Psn, QueuePairEvent.RequestError, nowNs);
    }

    /// <summary>9.7.4.1.3: does the QP permit this operation?</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ResponderVerdict CheckEnabled(in Packet packet, in Part part, long nowNs)
    {
        AccessFlags need = part.Has(PacketTraits.Send) ? AccessFlags.None
            : part.Has(PacketTraits.Write | PacketTraits.AtomicWrite) ? AccessFlags.RemoteWrite
            : part.Has(PacketTraits.Atomic) ? AccessFlags.RemoteAtomic
            : part.Has(PacketTraits.Flush) ? FlushRights(packet)
            : AccessFlags.RemoteRead;
        return (_qp.Attributes.Access & need) == need
            ? ResponderVerdict.Accept
            : Fail(NakCode.InvalidRequest, part.Psn, QueuePairEvent.RequestError, nowNs);
    }

    /// <summary>9.7.4.1.4: is there a receive request, or a replay resource, for it?</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ResponderVerdict CheckResources(in Packet packet, in Part part, long nowNs)
    {
        if (part.Has(PacketTraits.NeedsResponse))
        {
            _resources ??= new ReadAtomicResources(_qp.Attributes.MaxDestinationRdAtomic);
            return _resources.HasRoom
                ? ResponderVerdict.Accept
                : Fail(NakCode.InvalidRequest, part.Psn, QueuePairEvent.RequestError, nowNs);
        }

        // A SEND needs one when it starts, a WRITE with immediate when it ends.
        bool needsReceive = part.Has(PacketTraits.ConsumesReceive) && _receive == null;
        return needsReceive ? TakeReceive(part, nowNs) : ResponderVerdict.Accept;
    }

    private ResponderVerdict TakeReceive(in Part part, long nowNs)
    {
        ReceiveSlot* slot = Slots.Take(nowNs);
        switch (_qp.Host.FetchReceive(_qp, ref slot->Request))
        {
            case FetchVerdict.Fetched:
                _receive = slot;
                return ResponderVerdict.Accept;
            case FetchVerdict.Invalid:
                _receive = slot;
                FinishReceive(CompletionStatus.LocalQpOperationError, "the receive work request is not one that the device can carry out");
                return Fail(NakCode.RemoteOperationalError, part.Psn, null, nowNs);
            default:
                Slots.Return(slot);
                return RefuseNotReady(part, nowNs);
        }
    }

    /// <summary>No receive request: the requester is told how long to wait, and what follows is dropped silently. 9.7.5.2.8.</summary>
    private ResponderVerdict RefuseNotReady(in Part part, long nowNs)
    {
        // What came behind it is sent again with it.
        Counters.RnrNaksSent++;
        _reorder?.Clear();
        _resendRequested = true;
        _notReadyUntilNs = nowNs + RnrTimer.Nanoseconds(_qp.Attributes.MinRnrTimer);
        _acknowledgement.Refuse(AethSyndrome.RnrNak(_qp.Attributes.MinRnrTimer), part.Psn);
        _qp.Schedule();
        return ResponderVerdict.Finished;
    }

    /// <summary>9.7.4.1.6: does the payload fit the path MTU, the message's announced length, and the receive buffer?</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ResponderVerdict CheckLength(in Packet packet, in Part part, long nowNs)
    {
        if (!FitsMtu(part))
        {
            return Fail(NakCode.InvalidRequest, part.Psn, QueuePairEvent.RequestError, nowNs);
        }

        if (part.Has(PacketTraits.Send))
        {
            uint before = part.Has(PacketTraits.StartsMessage) ? 0 : _messageBytes;
            return (ulong)before + (uint)part.Bytes <= _receive->Request.TotalBytes ? ResponderVerdict.Accept : FailTooLong(part, nowNs);
        }

        bool fits = true;
        if (part.Has(PacketTraits.Write))
        {
            bool starts = part.Has(PacketTraits.StartsMessage);
            uint remaining = starts ? packet.DmaLength : _writeRemaining;
            fits = (!starts || packet.DmaLength <= MessageBytesMax)
                && (part.Has(PacketTraits.EndsMessage) ? (uint)part.Bytes == remaining : (uint)part.Bytes < remaining);
        }
        else if (part.Has(PacketTraits.ReadRequest))
        {
            fits = packet.DmaLength <= MessageBytesMax;
        }
        else if (part.Has(PacketTraits.AtomicWrite))
        {
            fits = packet.DmaLength == sizeof(ulong) && part.Bytes == sizeof(ulong);
        }

        return fits ? ResponderVerdict.Accept : Fail(NakCode.InvalidRequest, part.Psn, QueuePairEvent.RequestError, nowNs);
    }

    /// <summary>First and middle packets are full, last packets hold at least a byte. IBTA vol. 1, 9.7.4.1.6, table 60.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool FitsMtu(in Part part)
    {
        int full = part.Count << _qp.MtuShift;
        if (!part.Has(PacketTraits.EndsMessage))
        {
            return part.Bytes == full;
        }

        int least = part.Has(PacketTraits.Last) || part.Count > 1 ? full - (1 << _qp.MtuShift) + 1 : 0;
        return part.Bytes <= full && part.Bytes >= least;
    }

    /// <summary>A SEND longer than its receive buffer: that buffer's completion says so. IBTA vol. 1, 9.9.3.</summary>
    private ResponderVerdict FailTooLong(in Part part, long nowNs)
    {
        FinishReceive(CompletionStatus.LocalLengthError, "the message is longer than the buffer of its receive work request");
        return Fail(NakCode.InvalidRequest, part.Psn, null, nowNs);
    }

    /// <summary>9.7.4.1.5: may the peer touch that memory? A WRITE of several packets is looked at as a whole before its first byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ResponderVerdict CheckKey(in Packet packet, in Part part, long nowNs)
    {
        bool look = part.Has(PacketTraits.ReadRequest)
            || (part.Has(PacketTraits.Write) && part.Has(PacketTraits.StartsMessage)
                && (packet.DmaLength > CheckedOnWriteBytes || packet.DmaLength > (uint)part.Bytes));
        return !look || packet.DmaLength == 0 ? ResponderVerdict.Accept : LookAtRange(packet, part, nowNs);
    }

    private ResponderVerdict LookAtRange(in Packet packet, in Part part, long nowNs)
    {
        AccessFlags need = part.Has(PacketTraits.Write) ? AccessFlags.RemoteWrite : AccessFlags.RemoteRead;
        MemorySegment piece = default;
        var segments = new SegmentList(new Span<MemorySegment>(ref piece));
        return _qp.Host.TranslateRemote(_qp, packet.RemoteKey, packet.RemoteAddress, packet.DmaLength, need, ref segments) != AccessVerdict.Denied
            ? ResponderVerdict.Accept
            : FailAccess(part, nowNs);
    }

    /// <summary>
    /// The key, its rights or the range do not permit the request. The receive request that a WRITE with immediate took says so too.
    /// IBTA vol. 1, 9.9.3, 11.6.2.
    /// </summary>
    private ResponderVerdict FailAccess(in Part part, long nowNs)
    {
        if (part.Has(PacketTraits.Write) && _receive != null)
        {
            FinishReceive(CompletionStatus.LocalAccessError, "the memory that a WRITE with immediate was for is not writable under its rkey");
        }

        return Fail(NakCode.RemoteAccessError, part.Psn, QueuePairEvent.AccessError, nowNs);
    }
}
