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
