using System.Runtime.CompilerServices;
using RoceEngine.Abi;

namespace RoceEngine.Verbs.Internals;

/// <summary>
/// The producer's side of a send, receive or shared receive queue in guest RAM: claim a slot, write it, publish it, ring. A mutable struct around a gate: keep
/// it in a field and never copy it.
/// </summary>
internal unsafe struct WorkQueue
{
    private readonly PvrdmaRing* _ring;
    private readonly byte* _slots;
    private readonly uint _slotCount;
    private readonly uint _slotBytes;
    private readonly DoorbellBitmap _doorbells;
    private readonly uint _handle;
    private readonly bool _isSilent;
    private SpinGate _gate;
    private uint _tail;
    private uint _cachedHead;
    private int _batchDepth;
    private bool _ringPending;
    private bool _closed;

    public WorkQueue(PvrdmaRing* ring, byte* slots, uint slotCount, uint slotBytes, DoorbellBitmap doorbells, uint handle)
    {
        _ring = ring;
        _slots = slots;
        _slotCount = slotCount;
        _slotBytes = slotBytes;
        _doorbells = doorbells;
        _handle = handle;
    }

    /// <summary>A queue without a doorbell: the device looks when a message needs a receive.</summary>
    public WorkQueue(PvrdmaRing* ring, byte* slots, uint slotCount, uint slotBytes)
        : this(ring, slots, slotCount, slotBytes, default, 0) => _isSilent = true;

    /// <summary>
    /// Enters the queue and finds the next free slot. On true the caller writes the slot and calls <see cref="Publish"/>; on false (full)
    /// nothing is held. Throws when the queue is closed or the device lost.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryClaim(DeviceDriver driver, out byte* slot)
    {
        _gate.Enter();
        slot = _slots + (RingIndex.Slot(_tail, _slotCount) * (nuint)_slotBytes);

        // A closed queue's memory may be gone already: that is looked at first.
        return (!_closed && !RingIndex.IsFull(_tail, _cachedHead, _slotCount) && !driver.IsLost) || TryClaimAfterRefresh(driver);
    }

    /// <summary>Announces the slot that was claimed and written, rings unless a batch is open, and leaves the queue.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Publish(DeviceDriver driver)
    {
        _tail = RingIndex.Next(_tail, _slotCount);

        // Release store: the request's bytes become visible before the index that announces them.
        PvrdmaRing.PublishProducer(_ring, _tail);
        if (_batchDepth == 0)
        {
            Ring(driver);
        }
        else
        {
            _ringPending = true;
        }

        _gate.Exit();
    }

    /// <summary>Slots that are free now; another thread may take them.</summary>
    public int CountFreeSlots()
    {
        _gate.Enter();
        uint free = _closed ? 0 : _slotCount - Math.Min(RingIndex.Used(_tail, PvrdmaRing.ReadConsumer(_ring), _slotCount), _slotCount);
        _gate.Exit();
        return (int)free;
    }

    /// <summary>The index of the next slot to post to, modulo twice the number of slots.</summary>
    public uint ReadTail()
    {
        _gate.Enter();
        uint tail = _tail;
        _gate.Exit();
        return tail;
    }

    /// <summary>Goes on with a ring where another process stopped; false when its indices are impossible.</summary>
    public bool TryContinue()
    {
        _tail = PvrdmaRing.ReadProducer(_ring);
        _cachedHead = PvrdmaRing.ReadConsumer(_ring);
        return RingIndex.TryUsed(_tail, _cachedHead, _slotCount, out _);
    }

    /// <summary>The slots of requests that the device has not finished, oldest first.</summary>
    public readonly List<nint> UnfinishedSlots()
    {
        var slots = new List<nint>();
        uint used = RingIndex.Used(_tail, _cachedHead, _slotCount);
        for (uint i = 0; i < used; i++)
        {
            slots.Add((nint)(_slots + (RingIndex.Slot(_cachedHead + i, _slotCount) * (nuint)_slotBytes)));
        }

        return slots;
    }

    /// <summary>Rings, whatever was posted: another process may have stopped before it did.</summary>
    public readonly void RingAnyway(DeviceDriver driver) => Ring(driver);

    public void BeginBatch()
    {
        _gate.Enter();
        _batchDepth++;
        _gate.Exit();
    }

    /// <summary>Ends a batch and rings for it; false when none was open.</summary>
    public bool TryEndBatch(DeviceDriver driver)
    {
        _gate.Enter();
        bool wasOpen = _batchDepth > 0;
        if (wasOpen && --_batchDepth == 0)
        {
            RingIfPending(driver);
        }

        _gate.Exit();
        return wasOpen;
    }

    /// <summary>The QP is in reset: device and guest begin again at index 0.</summary>
    public void Reset()
    {
        _gate.Enter();
        if (!_closed)
        {
            _tail = 0;
            _cachedHead = 0;
            _ringPending = false;
            PvrdmaRing.PublishProducer(_ring, 0);
            PvrdmaRing.PublishConsumer(_ring, 0);
        }

        _gate.Exit();
    }

    /// <summary>No thread touches the ring after this.</summary>
    public void Close()
    {
        _gate.Enter();
        _closed = true;
        _gate.Exit();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryClaimAfterRefresh(DeviceDriver driver)
    {
        if (_closed)
        {
            _gate.Exit();
            throw new ObjectDisposedException(_isSilent ? nameof(SharedReceiveQueue) : nameof(QueuePair));
        }

        if (driver.IsLost)
        {
            DeviceLostException lost = driver.LostException();
            _gate.Exit();
            throw lost;
        }

        // Acquire: the device has finished with the slots before its index.
        _cachedHead = PvrdmaRing.ReadConsumer(_ring);
        if (!RingIndex.IsFull(_tail, _cachedHead, _slotCount))
        {
            return true;
        }

        // A batch as long as the queue must not wait for its own doorbell.
        RingIfPending(driver);
        _gate.Exit();
        return false;
    }

    private void RingIfPending(DeviceDriver driver)
    {
        if (_ringPending && !_closed)
        {
            _ringPending = false;
            Ring(driver);
        }
    }

    /// <summary>The doorbell is a full fence, so the look at the worker's sleep comes after it.</summary>
    private readonly void Ring(DeviceDriver driver)
    {
        if (_isSilent)
        {
            return;
        }

        _doorbells.Set(_handle);
        driver.WakeIfAsleep();
    }
}
