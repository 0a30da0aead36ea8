using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>How soon a thread gets a core once it has something to do, where others want the cores too.</summary>
public enum ThreadUrgency
{
    /// <summary>As everybody else.</summary>
    Ordinary,

    /// <summary>Runs for so short a time that it need not wait until others had their share; gets no more of the cores than they. Since Linux 6.12.</summary>
    Brief,

    /// <summary>Before all others (SCHED_RR, lowest priority). For moments only. Takes CAP_SYS_NICE, or a limit of real-time priorities (RLIMIT_RTPRIO).</summary>
    RealTime,
}

/// <summary>The urgency of threads: sched_setattr(2).</summary>
public static unsafe partial class ThreadScheduling
{
    private const int SCHED_OTHER = 0;
    private const int SCHED_RR = 2;
    private const int PRIO_PROCESS = 0;

    /// <summary>The shortest time slice that Linux takes is 0.1 ms; usual ones are some 3 ms.</summary>
    private const ulong BriefSliceNs = 200_000;

    /// <summary>The calling thread, as <see cref="TrySet"/> takes it.</summary>
    [LibraryImport("libc", EntryPoint = "gettid")]
    public static partial int GetThreadId();

    /// <summary>Changes the urgency of a thread of this process; 0 is the caller. False when that may not be.</summary>
    public static bool TrySet(int threadId, ThreadUrgency urgency)
    {
        var attributes = new SchedulingAttributes { Size = (uint)sizeof(SchedulingAttributes) };
        if (urgency == ThreadUrgency.RealTime)
        {
            attributes.Policy = SCHED_RR;
            attributes.Priority = 1;
        }
        else
        {
            attributes.Policy = SCHED_OTHER;
            attributes.Nice = GetPriority(PRIO_PROCESS, threadId);
            attributes.RuntimeNs = urgency == ThreadUrgency.Brief ? BriefSliceNs : 0;
        }
        return SetAttributes(Number, threadId, &attributes, 0) == 0;
    }

    private static nint Number => RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 314 : 274;

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SetAttributes(nint number, nint threadId, SchedulingAttributes* attributes, nint flags);

    [LibraryImport("libc", EntryPoint = "getpriority")]
    private static partial int GetPriority(int which, int who);

    /// <summary>struct sched_attr of &lt;linux/sched/types.h&gt;, its first version.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SchedulingAttributes
    {
        public uint Size;
        public uint Policy;
        public ulong Flags;
        public int Nice;
        public uint Priority;
        public ulong RuntimeNs;
        public ulong DeadlineNs;
        public ulong PeriodNs;
    }
}
