using RoceEngine.Abi;
using RoceEngine.Protocol;

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

    public GuestPages Pages => _pages;

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

    /// <summary>The ring as part of a device's state; when loading, makes it. Null stays null.</summary>
    public static DeviceRing? Transfer(StateCursor state, DeviceRing? ring, in GuestRam ram, int entryBytes, int pagesMax)
    {
        if (GuestPages.Transfer(state, ram, ring?._pages, pagesMax) is not { } pages)
        {
            return null;
        }

        state.Check(pages.Count >= 2 && pages.Count <= pagesMax, "a device ring has an impossible number of pages");
        ring ??= new DeviceRing(pages, entryBytes);
        state.Value(ref ring._producer);
        ring.IsBroken = state.Flag(ring.IsBroken);
        state.Check(RingIndex.IsValid(ring._producer, ring.Slots), "a device ring's index is impossible");
        return ring;
    }

    /// <summary>Makes the claimed entry visible.</summary>
    public void Publish()
    {
        _producer = RingIndex.Next(_producer, Slots);
        PvrdmaRing.PublishProducer(_ring, _producer);
    }
}
