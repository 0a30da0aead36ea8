using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>struct timespec, clock_gettime(2).</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct TimeSpec
{
    [FieldOffset(0)] public long Seconds;
    [FieldOffset(8)] public long Nanoseconds;

    /// <summary>A duration as a timespec; negative durations become zero.</summary>
    public static TimeSpec FromNanoseconds(long durationNs)
    {
        long positive = Math.Max(durationNs, 0);
        return new TimeSpec { Seconds = positive / 1_000_000_000, Nanoseconds = positive % 1_000_000_000 };
    }
}

/// <summary>struct pollfd, poll(2).</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct PollDescriptor
{
    public const short POLLIN = 0x1;
    public const short POLLOUT = 0x4;
    public const short POLLERR = 0x8;
    public const short POLLHUP = 0x10;
    public const short POLLNVAL = 0x20;
    public const short POLLRDHUP = 0x2000;

    [FieldOffset(0)] public int Descriptor;
    [FieldOffset(4)] public short Events;
    [FieldOffset(6)] public short ReturnedEvents;
}

/// <summary>Descriptors as events: eventfd(2), ppoll(2), read(2), write(2), close(2). Failures as in <see cref="Sockets"/>.</summary>
public static unsafe partial class Events
{
    public const int EFD_CLOEXEC = 0x80000;
    public const int EFD_NONBLOCK = 0x800;

    /// <summary>A read takes one off the counter instead of all.</summary>
    public const int EFD_SEMAPHORE = 1;

    /// <summary>eventfd(2).</summary>
    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial int Create(uint initialValue, int flags);

    /// <summary>read(2).</summary>
    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(int descriptor, void* buffer, nuint bytes);

    /// <summary>write(2).</summary>
    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int descriptor, void* buffer, nuint bytes);

    /// <summary>close(2).</summary>
    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    /// <summary>ppoll(2); a null timeout waits for ever, a null mask leaves the signals as they are.</summary>
    [LibraryImport("libc", EntryPoint = "ppoll", SetLastError = true)]
    public static partial int Poll(PollDescriptor* descriptors, nuint count, TimeSpec* timeout, void* signalMask);

    /// <summary>Adds one to an eventfd. False when the counter is full (then it is readable anyway) or the descriptor is bad.</summary>
    public static bool Signal(int eventDescriptor)
    {
        ulong one = 1;
        return Write(eventDescriptor, &one, sizeof(ulong)) == sizeof(ulong);
    }

    /// <summary>Takes an eventfd's count and resets it; 0 when a non-blocking one was not signalled.</summary>
    public static ulong Drain(int eventDescriptor)
    {
        ulong count = 0;
        return Read(eventDescriptor, &count, sizeof(ulong)) == sizeof(ulong) ? count : 0;
    }

    /// <summary>
    /// Waits until one of the descriptors is ready or the time is over. A negative <paramref name="timeoutNs"/> waits for ever.
    /// Returns how many are ready; 0 after the timeout, and also after a signal: the caller looks again.
    /// </summary>
    public static int Wait(Span<PollDescriptor> descriptors, long timeoutNs)
    {
        TimeSpec timeout = TimeSpec.FromNanoseconds(timeoutNs);
        fixed (PollDescriptor* first = descriptors)
        {
            int ready = Poll(first, (nuint)descriptors.Length, timeoutNs < 0 ? null : &timeout, null);
            return Math.Max(ready, 0);
        }
    }
}
