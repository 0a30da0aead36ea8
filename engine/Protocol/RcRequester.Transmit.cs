using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>Cutting work requests into packets.</summary>
internal sealed unsafe partial class RcRequester
{
    private enum SendVerdict
    {
        Sent,

        /// <summary>Waits for something that will schedule the QP again.</summary>
        Blocked,
    }

    private const int ReadChunkBytesMax = 256 * 1024;

    /// <summary>A response's last packet, the next one's first, which is as long, and a middle packet, which is shorter and ends their train.</summary>
    private const int ResponsePacketsApart = 3;

    private uint _readChunkPackets = 1;
    private int _rdAtomicOutstanding;
    private long _windowBytes;
    private long _unrequestedBytes;
    private bool _blockedOnProgress;
    private long _lastNowNs;

    /// <summary>
    /// Packets of one READ request at most: fixed for the QP, so that a repeated request covers what the original one covered.
    /// </summary>
    /// <remarks>The middle packets of a long response fill trains.</remarks>
    internal static uint ReadChunkPackets(long windowCeilingBytes, int mtuShift)
    {
        int most = (int)Math.Max(1, Math.Min(ReadChunkBytesMax, windowCeilingBytes / 4) >> mtuShift);
        int trainPackets = RoceUdp.MiddlesPerTrain(1 << mtuShift);
        int trains = (most - ResponsePacketsApart) / trainPackets;
        return (uint)(trains > 0 ? ResponsePacketsApart + (trains * trainPackets) : most);
    }

    /// <summary>Emits request packets while it may; true when more could go at once.</summary>
    public bool Transmit(IPacketSink sink, ref int budget, long nowNs)
    {
        _lastNowNs = nowNs;
        if (_rnrWaiting || (MovingChecks.AreIn && _isPaused))
        {
            return false;
        }

        MemorySegment* room = stackalloc MemorySegment[Placement.SegmentsMax];
        Packet packet = default;
        packet.PartitionKey = 0xFFFF;
        packet.DestinationQpn = _qp.Attributes.DestinationQpn;
        packet.Segments = room;
        if (HasRepair && TransmitRepairs(sink, ref packet, ref budget, nowNs))
        {
            return true;
        }

        return TransmitRequests(sink, ref packet, ref budget, nowNs);
    }

    /// <summary>The requests from the cursor on, then new ones.</summary>
    private bool TransmitRequests(IPacketSink sink, ref Packet packet, ref int budget, long nowNs)
    {
        while (true)
        {
            if (_cursor == null && !(_qp.MayBeginRequests && BeginRequests(sink, ref packet, ref budget, nowNs)))
            {
                return false;
            }

            if (_cursor->Failure != CompletionStatus.Success)
            {
                FailWhenOldest(nowNs);
                return false;
            }

            if (_cursor->Request.Opcode.IsLocal())
            {
                if (!PassLocal())
                {
                    return false;
                }

                continue;
            }

            if (budget <= 0 || !sink.HasRoom)
            {
                return true;
            }

            SendVerdict verdict = _cursor->NeedsResponse
                ? SendAsking(sink, ref packet, ref budget, nowNs)
                : SendPayload(sink, ref packet, ref budget, nowNs);
            if (verdict == SendVerdict.Blocked)
            {
                return false;
            }
        }
    }

    /// <summary>One packet (or local run) of a SEND or WRITE.</summary>
    private SendVerdict SendPayload(IPacketSink sink, ref Packet packet, ref int budget, long nowNs)
    {
        SendSlot* slot = _cursor;
        Route route = _qp.Path!.Route;
        uint index = slot->IndexOf(_sendPsn);
        uint offset = (uint)((ulong)index << _qp.MtuShift);
        uint remaining = slot->Request.TotalBytes - offset;
        bool isLocal = route.IsLocal;
        uint bytes = Math.Min(remaining, isLocal ? RcQueuePair.LocalRunBytes : (uint)MtuBytes);
        int packets = 1;
        if (!isLocal && index != 0 && remaining > 2 * (uint)MtuBytes)
        {
            packets = MiddlesAtOnce(slot, remaining, sink.RunPackets(route, MtuBytes));
            bytes = (uint)packets << _qp.MtuShift;
        }

        if (!MayBegin(slot, index))
        {
            return Block();
        }

        bool ask = isLocal;
        if (!isLocal && !TryEnterWindow(bytes + (packets * PathWindow.PacketOverheadBytes), budget - packets, ref ask))
        {
            return SendVerdict.Blocked;
        }

        if (!TryCompose(slot, index, bytes, ask, ref packet))
        {
            slot->Failure = CompletionStatus.LocalProtectionError;
            return SendVerdict.Sent;
        }

        bool last = (uint)packet.PayloadBytes == remaining;
        _unrequestedBytes = last || ask ? 0 : _unrequestedBytes + bytes;
        sink.Emit(packet, route);
        budget -= isLocal ? 1 + (packet.PsnCount >> 4) : packets;
        Advance((uint)packet.PsnCount, isLocal ? 1 : packets, last || ask, nowNs);
        if (last)
        {
            _cursor = slot->Next;
        }

        return SendVerdict.Sent;
    }

    /// <summary>
    /// Middle packets that may leave as one run, at least one: as many as there are before the last, as the sink takes, and as the window has room for.
    /// The budget does not shorten it: it ends with what is sent together. Of one scatter/gather entry, so that the pieces of a run have room in a packet.
    /// </summary>
    private int MiddlesAtOnce(SendSlot* slot, uint remaining, int most)
    {
        if (slot->Request.SgeCount != 1)
        {
            return 1;
        }

        long room = _qp.Path!.Window.AvailableBytes / (MtuBytes + PathWindow.PacketOverheadBytes);
        return (int)Math.Clamp(Math.Min(room, (remaining - 1) >> _qp.MtuShift), 1, most);
    }

    /// <summary>The packet (or local run) of a SEND or WRITE that begins at an index. False when its memory is not there (any more).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryCompose(SendSlot* slot, uint index, uint bytes, bool ask, ref Packet packet)
    {
        uint offset = (uint)((ulong)index << _qp.MtuShift);
        uint remaining = slot->Request.TotalBytes - offset;
        if (!PayloadGather.TryGather(_qp, slot, offset, ref bytes, _qp.MtuShift, ref packet))
        {
            return false;
        }

        bool last = bytes == remaining;
        packet.PsnCount = Math.Max(1, (int)((bytes + (uint)MtuBytes - 1) >> _qp.MtuShift));
        packet.Psn = slot->FirstPsn + index;
        packet.Flags = last || ask ? PacketFlags.AcknowledgeRequest : PacketFlags.None;
        MessageFields.Set(slot, ref packet, index == 0, last);
        return true;
    }

    /// <summary>A READ request for the next chunk, or another request that asks for a response.</summary>
    private SendVerdict SendAsking(IPacketSink sink, ref Packet packet, ref int budget, long nowNs)
    {
        SendSlot* slot = _cursor;
        Route route = _qp.Path!.Route;
        uint index = slot->IndexOf(_sendPsn);
        uint packets = PacketsOfChunk(slot, index);
        uint offset = (uint)((ulong)index << _qp.MtuShift);
        uint bytes = (uint)Math.Min((ulong)packets << _qp.MtuShift, slot->Request.TotalBytes - offset);
        if (_rdAtomicOutstanding >= _qp.Attributes.MaxRdAtomic || !MayBegin(slot, index))
        {
            return Block();
        }

        bool ask = true;
        if (!route.IsLocal && !TryEnterWindow(bytes + (long)packets * PathWindow.PacketOverheadBytes, budget - 1, ref ask))
        {
            return SendVerdict.Blocked;
        }

        if (!TryComposeAsking(slot, index, bytes, ref packet))
        {
            slot->Failure = CompletionStatus.LocalProtectionError;
            return SendVerdict.Sent;
        }

        _rdAtomicOutstanding++;
        _unrequestedBytes = 0;
        sink.Emit(packet, route);
        budget--;
        Advance(packets, 1, asks: true, nowNs);
        if (index + packets == slot->PacketCount)
        {
            _cursor = slot->Next;
        }

        return SendVerdict.Sent;
    }

    /// <summary>A request that asks for a response. False when the eight bytes of an ATOMIC WRITE are not there (any more).</summary>
    private bool TryComposeAsking(SendSlot* slot, uint index, uint bytes, ref Packet packet)
    {
        packet.PsnCount = 1;
        packet.Psn = slot->FirstPsn + index;
        packet.Flags = PacketFlags.AcknowledgeRequest;
        packet.SegmentCount = 0;
        packet.PayloadBytes = 0;
        SetAskingFields(slot, ref packet, (uint)((ulong)index << _qp.MtuShift), bytes);
        return slot->Request.Opcode != WorkOpcode.AtomicWrite || PayloadGather.TryGather(_qp, slot, 0, ref bytes, _qp.MtuShift, ref packet);
    }

    /// <summary>Packets that the next READ request asks for, up to the end of its chunk.</summary>
    private uint PacketsOfChunk(SendSlot* slot, uint index)
    {
        uint chunkEnd = (index / _readChunkPackets + 1) * _readChunkPackets;
        return Math.Min(chunkEnd, slot->PacketCount) - index;
    }

    /// <summary>Fence, PSN space, and the drained state hold a request back; progress lets it go.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool MayBegin(SendSlot* slot, uint index)
    {
        if (_sendPsn.DistanceFrom(_oldestUnacked) >= PsnsInFlightMax)
        {
            return false;
        }

        return index != 0
            || (((slot->Request.Flags & SendFlags.Fence) == 0 || _rdAtomicOutstanding == 0)
                && (_qp.MayBeginRequests || IsBegun(slot)));
    }

    private SendVerdict Block()
    {
        _blockedOnProgress = true;
        return SendVerdict.Blocked;
    }

    /// <summary>
    /// Takes room in the path's window, and decides whether the packet must ask for an acknowledgement before the end of its message:
    /// every quarter of the window, when the window is full after it, and when it is the last of this poll.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryEnterWindow(long bytes, int budgetAfter, ref bool ask)
    {
        PathWindow window = _qp.Path!.Window;
        if (!window.TryAcquire(_qp, bytes))
        {
            if (_unrequestedBytes == 0)
            {
                window.Wait(_qp, bytes);
                return false;
            }

            // Nothing of ours under way asks for an acknowledgement, and nobody else's may ever free the window for us.
            window.AcquireAnyway(bytes);
            ask = true;
        }

        _windowBytes += bytes;
        ask |= budgetAfter <= 0 || _unrequestedBytes + bytes >= window.LimitBytes / 4 || window.AvailableBytes < bytes;
        return true;
    }

    /// <summary>Packets went out that take <paramref name="psns"/> PSNs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Advance(uint psns, int packets, bool asks, long nowNs)
    {
        if (!HasOutstanding)
        {
            StartAckTimer(nowNs);
        }

        if (_sendPsn != _sentEnd)
        {
            Counters.RetransmittedPackets += packets;
        }
        else
        {
            Counters.RequestPacketsSent += packets;
            if (_roundTripSentNs == 0 && asks)
            {
                _roundTripSentNs = nowNs;
                _roundTripPsn = _sendPsn + (psns - 1);
                _roundTripIsOfOnePacket = psns == 1 && !_qp.Path!.Route.IsLocal;
            }
        }

        _sendPsn += psns;
        if (_sendPsn.DistanceFrom(_sentEnd) > 0)
        {
            _sentEnd = _sendPsn;
        }
    }
}
