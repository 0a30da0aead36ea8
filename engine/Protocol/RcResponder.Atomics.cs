using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// Atomics, plain and masked, ATOMIC WRITE and FLUSH: executed once, and kept so that a repeated request is answered and not executed
/// again. IBTA vol. 1, 9.4.5, 9.7.5.1.4; (1.5) annex A19.
/// </summary>
internal sealed unsafe partial class RcResponder
{
    private bool ExecuteAtomic(in Packet packet, in Part part, long nowNs)
    {
        MemorySegment piece = default;
        var segments = new SegmentList(new Span<MemorySegment>(ref piece));
        if (!TryFindWord(packet, part, AccessFlags.RemoteAtomic, ref segments, nowNs))
        {
            return false;
        }

        ref ulong word = ref *(ulong*)piece.Address;
        ulong original = packet.Opcode switch
        {
            Opcode.RcCompareSwap => Interlocked.CompareExchange(ref word, packet.SwapOrAdd, packet.Compare),
            Opcode.RcFetchAdd => Interlocked.Add(ref word, packet.SwapOrAdd) - packet.SwapOrAdd,
            Opcode.RcMaskedCompareSwap => MaskedAtomics.CompareSwap(
                ref word, packet.Compare, packet.CompareMaskOrBoundary, packet.SwapOrAdd, packet.SwapMask),
            _ => MaskedAtomics.FetchAdd(ref word, packet.SwapOrAdd, packet.CompareMaskOrBoundary),
        };
        _qp.Host.MemoryWritten(_qp, segments);
        Keep(part, ReadAtomicKind.Atomic).OriginalValue = original;
        return true;
    }

    /// <summary>Eight bytes, seen at once or not at all, and after every WRITE before it.</summary>
    private bool ExecuteAtomicWrite(in Packet packet, in Part part, long nowNs)
    {
        MemorySegment piece = default;
        var segments = new SegmentList(new Span<MemorySegment>(ref piece));
        if (!TryFindWord(packet, part, AccessFlags.RemoteWrite, ref segments, nowNs))
        {
            return false;
        }

        ulong value;
        new PayloadReader(packet, part.SkipBytes).CopyTo((byte*)&value, sizeof(ulong));
        Volatile.Write(ref *(ulong*)piece.Address, value);
        _qp.Host.MemoryWritten(_qp, segments);
        Keep(part, ReadAtomicKind.AtomicWrite);
        return true;
    }

    /// <summary>
    /// What the QP wrote before is in memory already, since packets are placed as they come: it remains to check the key, to order, and
    /// to answer.
    /// </summary>
    private bool ExecuteFlush(in Packet packet, in Part part, long nowNs)
    {
        if (FlushRights(packet) == AccessFlags.None || (packet.FlushOptions & FethView.SelectivityMask) > FethView.WholeRegionBit)
        {
            Fail(NakCode.InvalidRequest, part.Psn, QueuePairEvent.RequestError, nowNs);
            return false;
        }

        if (!MayFlush(packet))
        {
            Fail(NakCode.RemoteAccessError, part.Psn, QueuePairEvent.AccessError, nowNs);
            return false;
        }

        Interlocked.MemoryBarrier();
        Keep(part, ReadAtomicKind.Flush);
        return true;
    }

    private bool MayFlush(in Packet packet)
    {
        AccessFlags need = FlushRights(packet);
        if ((packet.FlushOptions & FethView.SelectivityMask) == FethView.WholeRegionBit || packet.DmaLength == 0)
        {
            return _qp.Host.CheckRemoteKey(_qp, packet.RemoteKey, need) == AccessVerdict.Granted;
        }

        MemorySegment piece = default;
        var segments = new SegmentList(new Span<MemorySegment>(ref piece));
        return _qp.Host.TranslateRemote(_qp, packet.RemoteKey, packet.RemoteAddress, packet.DmaLength, need, ref segments) != AccessVerdict.Denied;
    }

    /// <summary>The rights that a FLUSH needs of QP and key; None when it names no placement, or one that is not known.</summary>
    private static AccessFlags FlushRights(in Packet packet) => (packet.FlushOptions & FethView.PlacementMask) switch
    {
        FethView.GlobalBit => AccessFlags.FlushGlobal,
        FethView.PersistentBit => AccessFlags.FlushPersistent,
        FethView.GlobalBit | FethView.PersistentBit => AccessFlags.FlushGlobal | AccessFlags.FlushPersistent,
        _ => AccessFlags.None,
    };

    private static ReadAtomicKind KindOf(in Part part) => part.Has(PacketTraits.Atomic) ? ReadAtomicKind.Atomic
        : part.Has(PacketTraits.Flush) ? ReadAtomicKind.Flush
        : part.Has(PacketTraits.AtomicWrite) ? ReadAtomicKind.AtomicWrite
        : ReadAtomicKind.Read;

    /// <summary>The eight aligned bytes that an atomic works on; answered with a NAK when there are none.</summary>
    private bool TryFindWord(in Packet packet, in Part part, AccessFlags need, ref SegmentList segments, long nowNs)
    {
        if ((packet.RemoteAddress & 7) != 0)
        {
            Fail(NakCode.InvalidRequest, part.Psn, QueuePairEvent.RequestError, nowNs);
            return false;
        }

        AccessVerdict verdict = _qp.Host.TranslateRemote(_qp, packet.RemoteKey, packet.RemoteAddress, sizeof(ulong), need, ref segments);
        if (verdict == AccessVerdict.Denied)
        {
            Fail(NakCode.RemoteAccessError, part.Psn, QueuePairEvent.AccessError, nowNs);
            return false;
        }

        if (verdict != AccessVerdict.Granted || ((nuint)segments.Segments[0].Address & 7) != 0)
        {
            // The key's range begins askew in memory: no atomic access there.
            Fail(NakCode.InvalidRequest, part.Psn, QueuePairEvent.RequestError, nowNs);
            return false;
        }

        return true;
    }

    /// <summary>The request is executed: it takes a resource, which will be answered, and its PSN.</summary>
    private ref ReadAtomicResource Keep(in Part part, ReadAtomicKind kind)
    {
        EndMessage();
        ref ReadAtomicResource kept = ref _resources!.Add();
        kept.Kind = kind;
        kept.FirstPsn = part.Psn;
        kept.PacketCount = 1;
        kept.AnswerEnd = 1;
        kept.MessageSequenceNumber = _messageSequenceNumber;
        _expectedPsn += 1;
        _qp.Schedule();
        return ref kept;
    }
}
