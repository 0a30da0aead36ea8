using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>struct epoll_event as x86-64 packs it; 16 bytes elsewhere, of which the last four are not looked at for input.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct EventPollEvent
{
    [FieldOffset(0)] public uint Events;
}

/// <summary>Several descriptors behind one: epoll(7). Failures as in <see cref="Sockets"/>.</summary>
public static unsafe partial class EventPolls
{
    public const int EPOLL_CLOEXEC = 0x80000;

    private const int EPOLL_CTL_ADD = 1;
    private const uint EPOLLIN = 0x1;

    /// <summary>epoll_create1(2).</summary>
    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int Create(int flags);

    /// <summary>epoll_ctl(2).</summary>
    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int Control(int poll, int operation, int descriptor, EventPollEvent* change);

    /// <summary>The instance polls readable while <paramref name="descriptor"/> does. A descriptor leaves when it is closed.</summary>
    public static int Add(int poll, int descriptor)
    {
        var change = new EventPollEvent { Events = EPOLLIN };
        return Control(poll, EPOLL_CTL_ADD, descriptor, &change);
    }
}
