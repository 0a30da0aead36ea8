using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// The responder of an unreliable connection. A message of which a packet is missing is given up without a word, and the next packet
/// that begins a message is taken. IBTA vol. 1, 9.8.2.2, 9.9.3 (class D).
/// </summary>
internal sealed unsafe partial class UcQueuePair
{
    /// <summary>
    /// Packets up to this far behind the expected one are copies or came by a slower way; one farther behind shows that the peer went on
    /// without us for long.
    /// </summary>
    private const int LatePacketsMax = 1 << 15;

    private enum MessageKind : byte
    {
        None,
        Send,
        Write,
    }

    private Psn _expectedPsn;
    private MessageKind _message;
    private bool _communicationEstablished;
    private uint _messageBytes;
    private uint _writeRemaining;
    private uint _writeKey;
    private ulong _writeAddress;

    protected override void HandleRequest(in Packet packet, PacketTraits traits, in Gid source, in Gid destination, long nowNs)
    {
        EstablishCommunication();
        if (!IsInSequence(packet, traits))
        {
            Counters.DroppedOutOfSequence++;
            return;
        }

        _expectedPsn = packet.Psn + Math.Max(1, packet.PsnCount);
        if ((traits & PacketTraits.Send) != 0)
        {
            TakeSend(packet, traits, nowNs);
        }
        else
        {
            TakeWrite(packet, traits, nowNs);
        }
    }

    /// <summary>
    /// The packet expected, or one that begins a message after a hole. What is in progress when packets are missing is given up.
    /// IBTA vol. 1, 9.8.2.2.
    /// </summary>
    private bool IsInSequence(in Packet packet, PacketTraits traits)
    {
        int distance = packet.Psn.DistanceFrom(_expectedPsn);
        if (distance is < 0 and >= -LatePacketsMax)
        {
            return false;
        }

        MessageKind kind = (traits & PacketTraits.Send) != 0 ? MessageKind.Send : MessageKind.Write;
        bool starts = (traits & PacketTraits.StartsMessage) != 0;
        if (_message != MessageKind.None && (distance != 0 || starts || kind != _message))
        {
            GiveUp();
        }

        // Nothing but a beginning is of use now; what it counts from is the next packet all the same.
        bool isExpected = starts || _message != MessageKind.None;
        if (!isExpected)
        {
            _expectedPsn = packet.Psn + Math.Max(1, packet.PsnCount);
        }

        return isExpected;
    }

    private void TakeSend(in Packet packet, PacketTraits traits, long nowNs)
    {
        if ((traits & PacketTraits.StartsMessage) != 0)
        {
            _message = MessageKind.Send;
            _messageBytes = 0;
        }

        uint bytes = (uint)packet.PayloadBytes;
        if (!HasRightLength(packet, traits))
        {
            DropMessage(ref Counters.DroppedBadRequest);
            return;
        }

        if (!TryTakeReceive(nowNs) || (ulong)_messageBytes + bytes > Receive.TotalBytes)
        {
            DropMessage(ref Counters.DroppedNoReceive);
            return;
        }

        bool ends = (traits & PacketTraits.EndsMessage) != 0;
        var payload = new PayloadReader(packet, 0);
        if (Placement.Scatter(this, ref payload, ref Receive.Sges, Receive.SgeCount, _messageBytes, bytes, ends) != AccessVerdict.Granted)
        {
            FailReceive(nowNs);
            return;
        }

        _messageBytes += bytes;
        if (ends)
        {
            _message = MessageKind.None;
            CompleteReceive(packet, CompletionOpcode.Receive, FlagsOf(traits), _messageBytes);
        }
    }

    private void TakeWrite(in Packet packet, PacketTraits traits, long nowNs)
    {
        if ((traits & PacketTraits.StartsMessage) != 0)
        {
            _message = MessageKind.Write;
            _messageBytes = packet.DmaLength;
            _writeRemaining = packet.DmaLength;
            _writeAddress = packet.RemoteAddress;
            _writeKey = packet.RemoteKey;
        }

        uint bytes = (uint)packet.PayloadBytes;
        bool ends = (traits & PacketTraits.EndsMessage) != 0;
        bool fits = ends ? bytes == _writeRemaining : bytes < _writeRemaining;
        if ((Attributes.Access & AccessFlags.RemoteWrite) == 0 || !fits || !HasRightLength(packet, traits))
        {
            DropMessage(ref Counters.DroppedBadRequest);
            return;
        }

        bool takesReceive = (traits & PacketTraits.ConsumesReceive) != 0;
        if (takesReceive && !TryTakeReceive(nowNs))
        {
            DropMessage(ref Counters.DroppedNoReceive);
            return;
        }

        var payload = new PayloadReader(packet, 0);
        if (Placement.Write(this, ref payload, _writeKey, _writeAddress, bytes, ends) != AccessVerdict.Granted)
        {
            DropMessage(ref Counters.DroppedBadRequest);
            return;
        }

        _writeAddress += bytes;
        _writeRemaining -= bytes;
        if (ends)
        {
            _message = MessageKind.None;
        }

        if (takesReceive)
        {
            CompleteReceive(packet, CompletionOpcode.ReceiveWriteWithImmediate, FlagsOf(traits), _messageBytes);
        }
    }

    private static CompletionFlags FlagsOf(PacketTraits traits) =>
        (traits & PacketTraits.HasImmediate) != 0 ? CompletionFlags.WithImmediate : CompletionFlags.None;

    /// <summary>First and middle packets are full, last packets hold at least a byte. IBTA vol. 1, 9.7.4.1.6, table 60.</summary>
    private bool HasRightLength(in Packet packet, PacketTraits traits)
    {
        int count = Math.Max(1, packet.PsnCount);
        int full = count << _mtuShift;
        if ((traits & PacketTraits.EndsMessage) == 0)
        {
            return packet.PayloadBytes == full;
        }

        int least = (traits & PacketTraits.Last) != 0 || count > 1 ? full - (1 << _mtuShift) + 1 : 0;
        return packet.PayloadBytes <= full && packet.PayloadBytes >= least;
    }

    /// <summary>The rest of the message is not taken either.</summary>
    private void DropMessage(ref long counter)
    {
        counter++;
        _message = MessageKind.None;
    }

    private void GiveUp()
    {
        Counters.AbandonedMessages++;
        _message = MessageKind.None;
    }

    private void EstablishCommunication()
    {
        if (!_communicationEstablished)
        {
            _communicationEstablished = true;
            if (State == QueuePairState.ReadyToReceive)
            {
                Host.RaiseEvent(this, QueuePairEvent.CommunicationEstablished);
            }
        }
    }
}
