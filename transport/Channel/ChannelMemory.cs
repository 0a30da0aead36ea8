using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>
/// What a process guest and its host share: guest RAM and the control region, each a sealed memfd mapped in this process, and
/// four eventfds. Counted: the memory stays until the last holder lets go.
/// </summary>
public sealed unsafe class ChannelMemory
{
    private const int Seals = SharedMemory.F_SEAL_SHRINK | SharedMemory.F_SEAL_GROW | SharedMemory.F_SEAL_SEAL;

    private readonly int[] _descriptors = [-1, -1, -1, -1, -1, -1];
    private readonly Lock _mappingLock = new();
    private bool _isMappedAgain;
    private bool _isTracked;
    private int _references = 1;

    private ChannelMemory(long guestRamBytes, long controlBytes)
    {
        GuestRamBytes = guestRamBytes;
        ControlBytes = controlBytes;
    }

    /// <summary>Guest physical address 0.</summary>
    public byte* GuestRam { get; private set; }

    public long GuestRamBytes { get; }

    /// <summary>First byte of the control region.</summary>
    public byte* Control { get; private set; }

    public long ControlBytes { get; }

    /// <summary>In the order in which they travel: guest RAM, control region, kick, response, async event and completion vectors.</summary>
    public ReadOnlySpan<int> Descriptors => _descriptors;

    public int GuestRamDescriptor => _descriptors[0];

    public int ControlDescriptor => _descriptors[1];

    /// <summary>The guest signals it when the device sleeps.</summary>
    public int KickDescriptor => _descriptors[2];

    /// <summary>The device signals interrupt vector 0 (response), 1 (async event) or 2 (completion).</summary>
    public int InterruptDescriptor(int vector) => _descriptors[3 + vector];

    /// <summary>Allocates zeroed memory and the events; seals the memfds so that nobody can take pages away from under the others.</summary>
    /// <param name="guestRamBytes">Rounded up to whole pages.</param>
    /// <param name="controlBytes">Rounded up to whole pages.</param>
    /// <exception cref="SystemCallException">No memory or no descriptors left.</exception>
    public static ChannelMemory Create(long guestRamBytes, long controlBytes)
    {
        var memory = new ChannelMemory(RoundToPages(guestRamBytes), RoundToPages(controlBytes));
        try
        {
            memory._descriptors[0] = SharedMemory.CreateMemfd("vrdma-guest-ram\0"u8, memory.GuestRamBytes);
            memory._descriptors[1] = SharedMemory.CreateMemfd("vrdma-control\0"u8, memory.ControlBytes);
            SharedMemory.AddSeals(memory._descriptors[0], Seals);
            SharedMemory.AddSeals(memory._descriptors[1], Seals);
            for (int i = 2; i < memory._descriptors.Length; i++)
                memory._descriptors[i] = SystemCallException.Check(Events.Create(0, Events.EFD_CLOEXEC | Events.EFD_NONBLOCK), "eventfd");
            memory.MapRam();
            memory.MapControl();
            return memory;
        }
        catch
        {
            memory.Release();
            throw;
        }
    }

    /// <summary>Maps memory that a daemon made, and takes over the descriptors whatever happens.</summary>
    /// <exception cref="ChannelException">The memfds are smaller than said or not sealed against shrinking.</exception>
    /// <exception cref="SystemCallException">The kernel refused to map them.</exception>
    internal static ChannelMemory Adopt(ReadOnlySpan<int> descriptors, long guestRamBytes, long controlBytes) =>
        Adopt(descriptors, guestRamBytes, controlBytes, isRestored: false);

    /// <summary>As above for memory that another process had, which is mapped where that one had it.</summary>
    /// <exception cref="RestoredMemoryException">It cannot be mapped there, or that process did not note where it was.</exception>
    internal static ChannelMemory AdoptRestored(ReadOnlySpan<int> descriptors, long guestRamBytes, long controlBytes) =>
        Adopt(descriptors, guestRamBytes, controlBytes, isRestored: true);

    private static ChannelMemory Adopt(ReadOnlySpan<int> descriptors, long guestRamBytes, long controlBytes, bool isRestored)
    {
        var memory = new ChannelMemory(guestRamBytes, controlBytes);
        descriptors.CopyTo(memory._descriptors);
        try
        {
            CheckMemfd(memory.GuestRamDescriptor, guestRamBytes, "guest RAM");
            CheckMemfd(memory.ControlDescriptor, controlBytes, "the control region");
            memory.UseRam(isRestored
                ? GuestRamPlace.MapAgain(memory.GuestRamDescriptor, guestRamBytes)
                : GuestRamPlace.MapAnywhere(memory.GuestRamDescriptor, guestRamBytes));
            memory.MapControl();
            return memory;
        }
        catch
        {
            memory.Release();
            throw;
        }
    }

    /// <summary>
    /// What a daemon has of a guest that comes to it: events of its own, and guest RAM of its own or none yet. <see cref="TakeOver"/> completes it.
    /// </summary>
    /// <param name="guestRamBytes">As the guest has it.</param>
    /// <param name="controlBytes">As the guest has it.</param>
    /// <param name="makesRam">False when the guest brings its RAM along.</param>
    /// <exception cref="SystemCallException">No memory or no descriptors left.</exception>
    public static ChannelMemory Expect(long guestRamBytes, long controlBytes, bool makesRam)
    {
        var memory = new ChannelMemory(RoundToPages(guestRamBytes), RoundToPages(controlBytes));
        try
        {
            if (makesRam)
            {
                memory._descriptors[0] = SharedMemory.CreateMemfd("vrdma-guest-ram\0"u8, memory.GuestRamBytes);
                SharedMemory.AddSeals(memory._descriptors[0], Seals);
                memory.MapRam();
            }
            for (int i = 2; i < memory._descriptors.Length; i++)
                memory._descriptors[i] = SystemCallException.Check(Events.Create(0, Events.EFD_CLOEXEC | Events.EFD_NONBLOCK), "eventfd");
            return memory;
        }
        catch
        {
            memory.Release();
            throw;
        }
    }

    /// <summary>Takes over the memfds that a guest brings, whatever happens: its control region, and its RAM where there is none yet.</summary>
    /// <exception cref="ChannelException">They are not what they must be: one that could shrink would take pages away from under this process.</exception>
    /// <exception cref="SystemCallException">The kernel refused to map them.</exception>
    public void TakeOver(int controlDescriptor, int guestRamDescriptor)
    {
        bool bringsRam = GuestRamDescriptor < 0;
        _descriptors[1] = controlDescriptor;
        if (bringsRam)
            _descriptors[0] = guestRamDescriptor;
        else if (guestRamDescriptor >= 0)
            _ = Events.Close(guestRamDescriptor);
        CheckMemfd(ControlDescriptor, ControlBytes, "the control region");
        Control = SharedMemory.MapShared(ControlDescriptor, ControlBytes);
        if (bringsRam)
        {
            CheckMemfd(GuestRamDescriptor, GuestRamBytes, "guest RAM");
            MapRam();
        }
    }

    /// <summary>
    /// Has the kernel map all of guest RAM that is in use, which else happens at the first touch of each page: some 20 us each on a virtual machine, while a
    /// device that has just come is waited for. A hint only.
    /// </summary>
    public void MapUsedPages()
    {
        for (long from = 0; SharedMemory.TryFindUsed(GuestRamDescriptor, from, GuestRamBytes, out long start, out long bytes); from = start + bytes)
            _ = SharedMemory.Advise(GuestRam + start, (nuint)bytes, SharedMemory.MADV_POPULATE_READ);
    }

    /// <summary>
    /// The other side has other events from now on: they take the places of those here. Who sleeps on one of the old events is woken, and finds the new
    /// one under its number.
    /// </summary>
    internal void ReplaceEvents(ReadOnlySpan<int> events)
    {
        for (int i = 0; i < events.Length; i++)
        {
            int number = _descriptors[2 + i];
            int old = SharedMemory.Duplicate(number);
            SharedMemory.DuplicateOver(events[i], number);
            _ = Events.Signal(old);
            _ = Events.Close(old);
        }
    }

    /// <summary>Another memfd was mapped in the place of guest RAM, and is guest RAM from now on. Takes over the descriptor.</summary>
    internal void RamWasReplaced(int descriptor)
    {
        SharedMemory.DuplicateOver(descriptor, GuestRamDescriptor);
        _ = Events.Close(descriptor);
    }

    /// <summary>
    /// Moves memory of this process alone into a part of guest RAM, which is mapped in its place. Writes through such a mapping are not tracked, so from
    /// then on the memory cannot be copied while the guest runs.
    /// </summary>
    internal void MoveIn(byte* address, long offset, long bytes, bool isWritable)
    {
        lock (_mappingLock)
        {
            if (_isTracked)
                throw new SystemCallException("moving memory into guest RAM while the device is moved or saved", Errno.EBUSY);
            PageMove.Run(address, bytes, GuestRamDescriptor, offset, isWritable);
            _isMappedAgain = true;
        }
    }

    /// <summary>The writes of the guest are to be tracked. False when they cannot all be seen.</summary>
    internal bool TryBeginTracking()
    {
        lock (_mappingLock)
        {
            _isTracked = !_isMappedAgain;
            return _isTracked;
        }
    }

    /// <summary>They are tracked no more.</summary>
    internal void EndTracking()
    {
        lock (_mappingLock)
        {
            _isTracked = false;
        }
    }

    /// <summary>New memory with the same content. Nobody may write meanwhile.</summary>
    /// <exception cref="SystemCallException">No memory or no descriptors left.</exception>
    public ChannelMemory Copy()
    {
        ChannelMemory copy = Create(GuestRamBytes, ControlBytes);
        for (long from = 0; SharedMemory.TryFindUsed(GuestRamDescriptor, from, GuestRamBytes, out long start, out long bytes); from = start + bytes)
            Buffer.MemoryCopy(GuestRam + start, copy.GuestRam + start, bytes, bytes);
        Buffer.MemoryCopy(Control, copy.Control, ControlBytes, ControlBytes);
        return copy;
    }

    /// <summary>One more holder.</summary>
    public void AddReference() => Interlocked.Increment(ref _references);

    /// <summary>One holder less; the last one unmaps and closes all.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _references) != 0)
            return;
        if (GuestRam != null)
            _ = SharedMemory.Unmap(GuestRam, (nuint)GuestRamBytes);
        if (Control != null)
            _ = SharedMemory.Unmap(Control, (nuint)ControlBytes);
        GuestRam = Control = null;
        foreach (int descriptor in _descriptors)
        {
            if (descriptor >= 0)
                _ = Events.Close(descriptor);
        }
        _descriptors.AsSpan().Fill(-1);
    }

    private static void CheckMemfd(int descriptor, long bytes, string what)
    {
        int seals = SharedMemory.GetSeals(descriptor);
        if (seals < 0 || (seals & SharedMemory.F_SEAL_SHRINK) == 0)
            throw new ChannelException($"the memfd for {what} is not sealed against shrinking");
        if (bytes <= 0 || bytes % SharedMemory.PageBytes != 0 || SharedMemory.GetBytes(descriptor) < bytes)
            throw new ChannelException($"the memfd for {what} is not the {bytes} bytes that it announced");
    }

    private void MapRam() => UseRam(SharedMemory.MapShared(GuestRamDescriptor, GuestRamBytes));

    private void UseRam(byte* mapped)
    {
        GuestRam = mapped;

        // A hint only: where the kernel allows huge pages for shared memory, copies and translations get cheaper.
        _ = SharedMemory.Advise(GuestRam, (nuint)GuestRamBytes, SharedMemory.MADV_HUGEPAGE);
    }

    private void MapControl() => Control = SharedMemory.MapShared(ControlDescriptor, ControlBytes);

    private static long RoundToPages(long bytes) => (bytes + SharedMemory.PageBytes - 1) & ~(long)(SharedMemory.PageBytes - 1);
}
