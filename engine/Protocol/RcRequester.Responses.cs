using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>The responses that bring data: where it goes, and what does not fit.</summary>
internal sealed unsafe partial class RcRequester
{
    private void HandleReadResponse(in Packet packet, int count, long nowNs)
    {
        // A run may begin with packets that already came by the wire.
        int skip = Math.Max(0, -packet.Psn.DistanceFrom(_oldestUnacked));
        Psn start = packet.Psn + skip;
        count -= skip;
        AcknowledgeUpTo(start, nowNs);
        if (!_qp.IsSending)
        {
            return;
        }

        SendSlot* slot = FindSlot(start);
        if (slot->Request.Opcode is WorkOpcode.Flush or WorkOpcode.AtomicWrite)
        {
            HandleBareResponse(slot, packet, nowNs);
            return;
        }

        uint index = slot->IndexOf(start);
        uint offset = (uint)((ulong)index << _qp.MtuShift);
        uint bytes = (uint)Math.Min((ulong)count << _qp.MtuShift, slot->Request.TotalBytes - offset);
        int skipBytes = skip << _qp.MtuShift;
        if (slot->Request.Opcode != WorkOpcode.Read || index + count > slot->PacketCount || packet.PayloadBytes - skipBytes != bytes)
        {
            DropBadResponse();
            return;
        }

        var payload = new PayloadReader(packet, skipBytes);
        TakeResponse(slot, ref payload, start, (uint)count, offset, bytes, nowNs);
    }

    /// <summary><see cref="IPacketReceiver.TryFindPlace"/> for the responses of a READ.</summary>
    public bool TryFindPlace(ref Packet run)
    {
        if (run.Psn != _oldestUnacked || run.Psn.DistanceFrom(_sentEnd) >= 0 || run.PayloadBytes != run.PsnCount << _qp.MtuShift
            || _placed is { Count: > 0 })
        {
            return false;
        }

        SendSlot* slot = FindSlot(run.Psn);
        uint index = slot->IndexOf(run.Psn);
        uint packets = Math.Min((uint)run.PsnCount, Math.Min(slot->PacketCount - index - 1, (uint)_sentEnd.DistanceFrom(run.Psn)));
        if (slot->Request.Opcode != WorkOpcode.Read || packets == 0)
        {
            return false;
        }

        uint offset = (uint)((ulong)index << _qp.MtuShift);
        uint bytes = packets << _qp.MtuShift;
        var segments = new SegmentList(new Span<MemorySegment>(run.Segments, run.SegmentCount));
        AccessVerdict verdict = SgeRange.Translate(
            _qp, ref slot->Request.Sges, slot->Request.SgeCount, offset, bytes, AccessFlags.LocalWrite, ref segments);
        run.PsnCount = (int)packets;
        run.PayloadBytes = (int)bytes;
        run.SegmentCount = segments.Count;
        return verdict == AccessVerdict.Granted;
    }

    /// <summary>A FLUSH or ATOMIC WRITE is answered by a READ response without data. IBTA vol. 1 (1.5), annex A19.</summary>
    private void HandleBareResponse(SendSlot* slot, in Packet packet, long nowNs)
    {
        if (packet.Opcode != Opcode.RcReadResponseOnly || packet.PayloadBytes != 0)
        {
            DropBadResponse();
            return;
        }

        var nothing = new PayloadReader(packet, 0);
        TakeResponse(slot, ref nothing, packet.Psn, 1, 0, 0, nowNs);
    }

    private void HandleAtomicResponse(in Packet packet, long nowNs)
    {
        AcknowledgeUpTo(packet.Psn, nowNs);
        if (!_qp.IsSending)
        {
            return;
        }

        SendSlot* slot = FindSlot(packet.Psn);
        if (!slot->Request.Opcode.IsAtomic())
        {
            DropBadResponse();
            return;
        }

        ulong original = packet.OriginalValue;
        var piece = new MemorySegment((byte*)&original, sizeof(ulong));
        Packet carrier = default;
        carrier.Segments = &piece;
        var payload = new PayloadReader(carrier, 0);
        TakeResponse(slot, ref payload, packet.Psn, 1, 0, sizeof(ulong), nowNs);
    }

    /// <summary>
    /// A response that does not fit what was asked: not taken, since anybody could have sent it. If nothing better comes, it is what the
    /// request fails with.
    /// </summary>
    private void DropBadResponse()
    {
        Counters.DroppedBadResponse++;
        _gotBadResponse = true;
    }

    /// <summary>
    /// Puts a response where it belongs. Nothing is promised about the order within this side's own memory before the completion, so one
    /// beyond a hole need not wait; the hole is asked for.
    /// </summary>
    private void TakeResponse(SendSlot* slot, ref PayloadReader payload, Psn start, uint packets, uint offset, uint bytes, long nowNs)
    {
        bool isNext = start == _oldestUnacked;
        bool ends = offset + bytes == slot->Request.TotalBytes;
        if (Placement.Scatter(_qp, ref payload, ref slot->Request.Sges, slot->Request.SgeCount, offset, bytes, ends) != AccessVerdict.Granted)
        {
            if (isNext)
            {
                Fail(CompletionStatus.LocalProtectionError, "the local buffer of a READ or atomic is not writable under its lkey", nowNs);
            }

            // Beyond a hole it fails when its turn comes.
            return;
        }

        Psn end = start + packets;
        if (isNext)
        {
            Pass(slot, slot->IndexOf(start), packets);
        }
        else
        {
            // A set that is full forgets this one: it is asked for again.
            _placed ??= new PsnRanges();
            _placed.TryAdd(start, end);
        }

        AcknowledgeUpTo(end, nowNs);
    }
}
