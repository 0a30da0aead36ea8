using System.Runtime.CompilerServices;
using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>
/// The device's end of a send or receive queue in guest memory. The guest is the producer. Sizes and the consumer index are the device's own copies:
/// what stands in guest memory is written for the guest and never read back.
/// </summary>
internal unsafe struct WorkQueue
{
    private readonly GuestPages _pages;
    private readonly PvrdmaRing* _ring;
    private readonly long _firstSlotOffset;
    private readonly int _slotShift;

    /// <summary>The guest's index when last read; entries up to it are known to be there.</summary>
    private uint _producer;

    /// <summary>The next slot to take.</summary>
    private uint _fetch;

    /// <summary>The oldest slot whose request is not finished.</summary>
    private uint _consumer;

    /// <summary>A queue of <paramref name="slots"/> (a power of two) of <paramref name="slotBytes"/> (likewise) from a page of the directory on.</summary>
    public WorkQueue(GuestPages pages, PvrdmaRing* ring, int firstPage, uint slots, uint slotBytes)
    {
        _pages = pages;
        _ring = ring;
        _firstSlotOffset = (long)firstPage << PvrdmaPageDirectory.PageShift;
        _slotShift = System.Numerics.BitOperations.Log2(slotBytes);
        Slots = slots;
    }

    public uint Slots { get; }

    /// <summary>True once the guest wrote an impossible index; the queue then stays empty until it is reset.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Requests taken and not finished.</summary>
    public readonly uint Outstanding => Slots == 0 ? 0 : RingIndex.Used(_fetch, _consumer, Slots);

    /// <summary>Takes the next slot: its bytes in guest memory, all in one page; or null when there is none, or the guest's index is impossible.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* TakeNext()
    {
        if (_fetch == _producer && !RefreshProducer())
        {
            return null;
        }

        byte* slot = _pages.At(_firstSlotOffset + ((long)RingIndex.Slot(_fetch, Slots) << _slotShift));
        _fetch = RingIndex.Next(_fetch, Slots);
        return slot;
    }

    /// <summary>The oldest request is finished: its slot is the guest's again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void FreeOldest()
    {
        if (_consumer != _fetch)
        {
            _consumer = RingIndex.Next(_consumer, Slots);
            PvrdmaRing.PublishConsumer(_ring, _consumer);
        }
    }

    /// <summary>Requests posted and not yet taken, by a fresh look at the guest's index; false when that is impossible.</summary>
    public bool TryCountWaiting(out uint waiting)
    {
        RefreshProducer();
        waiting = IsBroken || Slots == 0 ? 0 : RingIndex.Used(_producer, _fetch, Slots);
        return !IsBroken;
    }

    /// <summary>Both sides begin again at 0; the guest resets its index itself.</summary>
    public void Reset()
    {
        _producer = _fetch = _consumer = 0;
        IsBroken = false;
        if (Slots != 0)
        {
            PvrdmaRing.PublishConsumer(_ring, 0);
        }
    }

    /// <summary>The indices as part of a device's state; when loading, into a queue that was just made over the same pages.</summary>
    public void Transfer(StateCursor state)
    {
        state.Value(ref _producer);
        state.Value(ref _fetch);
        state.Value(ref _consumer);
        IsBroken = state.Flag(IsBroken);
        state.Check(
            Slots == 0
                || (RingIndex.TryUsed(_producer, _consumer, Slots, out uint used) && RingIndex.IsValid(_fetch, Slots)
                    && RingIndex.Used(_fetch, _consumer, Slots) <= used),
            "a work queue's indices are impossible");
    }

    private bool RefreshProducer()
    {
        if (Slots == 0 || IsBroken)
        {
            return false;
        }

        uint producer = PvrdmaRing.ReadProducer(_ring);
        uint fetched = RingIndex.Used(_fetch, _consumer, Slots);
        if (!RingIndex.TryUsed(producer, _consumer, Slots, out uint used) || used < fetched)
        {
            IsBroken = true;
            return false;
        }

        _producer = producer;
        return _fetch != producer;
    }
}
