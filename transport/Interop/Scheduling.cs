using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>Who runs where: sched_yield(2), sched_setaffinity(2), getuid(2). Failures as in <see cref="Sockets"/>.</summary>
public static unsafe partial class Scheduling
{
    /// <summary>sched_yield(2): lets another runnable thread of this core run. Not a blocking call, but a real one: the collector may run.</summary>
    [LibraryImport("libc", EntryPoint = "sched_yield")]
    public static partial int Yield();

    /// <summary>sched_setaffinity(2); thread 0 is the caller. <paramref name="mask"/> has a bit per CPU.</summary>
    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    private static partial int SetAffinity(int threadId, nuint maskBytes, void* mask);

    /// <summary>sched_getaffinity(2).</summary>
    [LibraryImport("libc", EntryPoint = "sched_getaffinity", SetLastError = true)]
    private static partial int GetAffinity(int threadId, nuint maskBytes, void* mask);

    /// <summary>geteuid(2).</summary>
    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint GetEffectiveUserId();

    private const int MaskWords = 16;

    /// <summary>The CPUs (of the first 1,024) that the calling thread may run on, in ascending order.</summary>
    public static int[] GetAllowedCpus()
    {
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        if (GetAffinity(0, MaskWords * sizeof(ulong), mask) < 0)
            return [];
        var cpus = new List<int>();
        for (int cpu = 0; cpu < MaskWords * 64; cpu++)
        {
            if ((mask[cpu / 64] >> (cpu % 64) & 1) != 0)
                cpus.Add(cpu);
        }
        return [.. cpus];
    }

    /// <summary>Binds the calling thread to one CPU. False when that CPU does not exist or is not allowed.</summary>
    public static bool TryPinThread(int cpu) => TryPinThread([cpu]);

    /// <summary>Binds the calling thread, and the threads and processes that it starts, to these CPUs. False when none of them is allowed.</summary>
    public static bool TryPinThread(ReadOnlySpan<int> cpus)
    {
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        foreach (int cpu in cpus)
        {
            if ((uint)cpu >= MaskWords * 64)
                return false;
            mask[cpu / 64] |= 1UL << (cpu % 64);
        }
        return SetAffinity(0, MaskWords * sizeof(ulong), mask) == 0;
    }
}
