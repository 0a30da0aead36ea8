using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>Kinds of memory windows, with the values of <c>enum ibv_mw_type</c>.</summary>
internal enum WindowKind : byte
{
    /// <summary>Opened and closed by binds on any QP of its PD, and used by any of them.</summary>
    Type1 = 1,

    /// <summary>Type 2B: used by the QP that bound it alone, and closed by an invalidation.</summary>
    Type2 = 2,
}

/// <summary>A memory window: remote rights to a part of a region, under a key of its own. IBTA vol. 1, 10.6.7.</summary>
internal sealed class MemoryWindow(ProtectionDomain domain, WindowKind kind) : KeyedMemory(domain)
{
    private MemoryWindow? _previous;
    private MemoryWindow? _next;

    public WindowKind Kind { get; } = kind;

    /// <summary>The region that it opens; null while it is closed.</summary>
    public MemoryRegion? Region { get; private set; }

    /// <summary>The QP that bound a type-2 window; null otherwise.</summary>
    public DeviceQueuePair? Owner { get; private set; }

    /// <summary>Opens the window. The range lies in the region; whatever the window opened before it opens no more.</summary>
    public void Bind(DeviceQueuePair binder, MemoryRegion region, uint key, ulong address, ulong bytes, AccessFlags access)
    {
        Close();
        ulong offset = address - region.Start;
        ulong start = (access & AccessFlags.ZeroBased) != 0 ? 0 : address;
        Open(region, offset, start, bytes, access);
        Key = key;
        Region = region;
        region.WindowCount++;
        if (Kind == WindowKind.Type2)
        {
            Join(binder);
        }
    }

    /// <summary>Closes the window: its key opens nothing until the next bind.</summary>
    public void Close()
    {
        if (Region is null)
        {
            return;
        }

        Region.WindowCount--;
        Region = null;
        CloseRange();
        if (Owner is not null)
        {
            Part(Owner);
        }
    }

    /// <summary>The QP is reset or destroyed: the windows that it alone could use are closed.</summary>
    public static void CloseAllOf(DeviceQueuePair qp)
    {
        while (qp.FirstWindow is { } window)
        {
            window.Close();
        }
    }

    /// <summary>
    /// The window as part of a device's state, its key included; when loading, makes it. Regions and QPs are there already.
    /// </summary>
    public static MemoryWindow Transfer(StateCursor state, MemoryWindow? window, DeviceObjects objects)
    {
        ProtectionDomain? domain = objects.Domains[state.Value(window?.Domain.Handle ?? 0)];
        var kind = (WindowKind)state.Value((byte)(window?.Kind ?? 0));
        uint key = state.Value(window?.Key ?? 0);
        MemoryRegion? region = objects.Regions[state.Value(window?.Region?.Handle ?? 0)];
        DeviceQueuePair? owner = objects.QueuePairs[state.Value(window?.Owner?.Handle ?? 0)];
        ulong offset = state.Value(window?.Region is { } opened ? window.OffsetIn(opened) : 0);
        ulong start = state.Value(window?.Start ?? 0);
        ulong bytes = state.Value(window?.Bytes ?? 0);
        var access = (AccessFlags)state.Value((uint)(window?.Access ?? 0));
        if (!state.IsLoading)
        {
            return window!;
        }

        state.Check(domain is not null && kind is WindowKind.Type1 or WindowKind.Type2, "a window has no protection domain");
        var loaded = new MemoryWindow(domain!, kind);
        if (region is not null)
        {
            state.Check(region.IsOpen && bytes != 0 && offset <= region.Bytes && bytes <= region.Bytes - offset, "a window is larger than its region");
            loaded.Open(region, offset, start, bytes, access);
            loaded.Region = region;
            region.WindowCount++;
            if (owner is not null)
            {
                loaded.Join(owner);
            }
        }

        domain!.References++;
        state.Check(objects.TryPutKey(loaded, key), "two keys are the same, or one is none");
        return loaded;
    }

    private void Join(DeviceQueuePair qp)
    {
        Owner = qp;
        _next = qp.FirstWindow;
        if (_next is not null)
        {
            _next._previous = this;
        }

        qp.FirstWindow = this;
    }

    private void Part(DeviceQueuePair qp)
    {
        if (_previous is null)
        {
            qp.FirstWindow = _next;
        }
        else
        {
            _previous._next = _next;
        }

        if (_next is not null)
        {
            _next._previous = _previous;
        }

        _previous = _next = null;
        Owner = null;
    }
}
