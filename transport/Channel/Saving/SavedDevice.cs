using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>A device as a daemon saves it or takes it back: guest RAM, control region and state, in memory shared with the daemon.</summary>
public sealed unsafe class SavedDevice : IDisposable
{
    /// <summary>Descriptors that travel: guest RAM, the control region, the device's state.</summary>
    public const int DescriptorCount = 3;

    private readonly int[] _descriptors;
    private readonly long[] _bytes;
    private readonly nint[] _starts = new nint[DescriptorCount];

    private SavedDevice(int[] descriptors, long guestRamBytes, long controlBytes, long stateBytes)
    {
        _descriptors = descriptors;
        _bytes = [guestRamBytes, controlBytes, stateBytes];
        try
        {
            for (int i = 0; i < DescriptorCount; i++)
            {
                if (SharedMemory.GetBytes(descriptors[i]) < _bytes[i])
                    throw new ChannelException("a saved device is shorter than it is said to be");
                _starts[i] = (nint)SharedMemory.MapShared(descriptors[i], _bytes[i]);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>In the order in which they travel.</summary>
    public ReadOnlySpan<int> Descriptors => _descriptors;

    public byte* GuestRam => (byte*)_starts[0];

    public int GuestRamDescriptor => _descriptors[0];

    public Span<byte> Control => new((void*)_starts[1], checked((int)_bytes[1]));

    public Span<byte> State => new((void*)_starts[2], checked((int)_bytes[2]));

    /// <summary>Memory for a device that is to be restored.</summary>
    /// <exception cref="SystemCallException">No memory or no descriptors left.</exception>
    public static SavedDevice Create(long guestRamBytes, long controlBytes, long stateBytes)
    {
        int[] descriptors = [-1, -1, -1];
        try
        {
            descriptors[0] = CreateSealed("vrdma-guest-ram\0"u8, guestRamBytes);
            descriptors[1] = CreateSealed("vrdma-control\0"u8, controlBytes);
            descriptors[2] = CreateSealed("vrdma-state\0"u8, stateBytes);
        }
        catch
        {
            CloseAll(descriptors);
            throw;
        }
        return new SavedDevice(descriptors, guestRamBytes, controlBytes, stateBytes);
    }

    /// <summary>What a daemon copied of a device's memory, with room for its state.</summary>
    /// <exception cref="SystemCallException">No memory or no descriptors left.</exception>
    public static SavedDevice Wrap(ChannelMemory memory, long stateBytes)
    {
        int[] descriptors = [-1, -1, -1];
        try
        {
            descriptors[0] = SharedMemory.Duplicate(memory.GuestRamDescriptor);
            descriptors[1] = SharedMemory.Duplicate(memory.ControlDescriptor);
            descriptors[2] = CreateSealed("vrdma-state\0"u8, stateBytes);
        }
        catch
        {
            CloseAll(descriptors);
            throw;
        }
        return new SavedDevice(descriptors, memory.GuestRamBytes, memory.ControlBytes, stateBytes);
    }

    /// <summary>Maps what came from the other side, and takes over the descriptors whatever happens.</summary>
    /// <exception cref="ChannelException">Not three of them, or too short.</exception>
    /// <exception cref="SystemCallException">The kernel refused.</exception>
    public static SavedDevice From(int[] descriptors, long guestRamBytes, long controlBytes, long stateBytes)
    {
        if (descriptors.Length == DescriptorCount)
            return new SavedDevice(descriptors, guestRamBytes, controlBytes, stateBytes);
        CloseAll(descriptors);
        throw new ChannelException($"a saved device comes with {DescriptorCount} descriptors, not {descriptors.Length}");
    }

    public void Dispose()
    {
        for (int i = 0; i < DescriptorCount; i++)
        {
            if (_starts[i] != 0)
                _ = SharedMemory.Unmap((void*)_starts[i], (nuint)_bytes[i]);
            _starts[i] = 0;
        }
        CloseAll(_descriptors);
    }

    private static int CreateSealed(ReadOnlySpan<byte> name, long bytes)
    {
        int descriptor = SharedMemory.CreateMemfd(name, bytes);
        SharedMemory.AddSeals(descriptor, SharedMemory.F_SEAL_SHRINK | SharedMemory.F_SEAL_GROW | SharedMemory.F_SEAL_SEAL);
        return descriptor;
    }

    private static void CloseAll(int[] descriptors)
    {
        for (int i = 0; i < descriptors.Length; i++)
        {
            if (descriptors[i] >= 0)
                _ = Events.Close(descriptors[i]);
            descriptors[i] = -1;
        }
    }
}
