using RoceEngine.Abi;

namespace RoceEngine.Device;

/// <summary>
/// One of the two rings that the device fills for its guest: asynchronous events and completion notifications. Does the stock driver's index
/// arithmetic, see <see cref="RingIndex"/>: of 1,536 slots it reaches 512.
/// </summary>
internal sealed unsafe class DeviceRing
{
    private readonly GuestPages _pages;
    private readonly PvrdmaRing* _ring;
    private readonly int _entryBytes;
    private uint _producer;

    /// <summary>A ring over a header page and at least one page of entries.</summary>
    public DeviceRing(GuestPages pages, int entryBytes)
    {
        _pages = pages;
        _ring = &((PvrdmaRingState*)pages.At(0))->Receive;
        _entryBytes = entryBytes;
        Slots = RingIndex.UsableSlots((uint)((pages.Count - 1) * (PvrdmaPageDirectory.PageBytes / entryBytes)));
    }

    public uint Slots { get; }

    /// <summary>True once the guest wrote an impossible index.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>The bytes of the next entry to fill, or null when there is no room.</summary>
    public byte* TryClaim()
    {
        if (IsBroken)
        {
            return null;
        }

        uint consumer = PvrdmaRing.ReadConsumer(_ring);
        if (!RingIndex.TryUsed(_producer, consumer, Slots, out uint used))
        {
            IsBroken = true;
            return null;
        }

        return used == Slots ? null : _pages.At(PvrdmaPageDirectory.PageBytes + ((long)RingIndex.Slot(_producer, Slots) * _entryBytes));
    }

    /// <summary>Makes the claimed entry visible.</summary>
    public void Publish()
    {
        _producer = RingIndex.Next(_producer, Slots);
        PvrdmaRing.PublishProducer(_ring, _producer);
    }
}
