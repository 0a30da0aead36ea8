using System.Globalization;
using RoceEngine.Interop;
using Xunit;

namespace RoceEngine.Transport.Tests;

public sealed class ThreadSchedulingTests
{
    private const int SCHED_OTHER = 0;
    private const int SCHED_RR = 2;

    [Fact]
    public void A_brief_thread_is_scheduled_with_all_others_and_as_nice_as_before()
    {
        (bool isDone, int policy, int nice) = OnThread(() => ThreadScheduling.TrySet(0, ThreadUrgency.Brief));
        Assert.True(isDone);
        Assert.Equal(SCHED_OTHER, policy);
        Assert.Equal(OnThread(() => true).Nice, nice);
    }

    [Fact]
    public void A_real_time_thread_becomes_an_ordinary_one_again()
    {
        int policyMeanwhile = -1;
        (bool mayBe, int policy, _) = OnThread(() =>
        {
            bool isRealTime = ThreadScheduling.TrySet(ThreadScheduling.GetThreadId(), ThreadUrgency.RealTime);
            policyMeanwhile = Read().Policy;
            Assert.True(ThreadScheduling.TrySet(0, ThreadUrgency.Ordinary));
            return isRealTime;
        });
        Assert.SkipUnless(mayBe, "this process may not have real-time threads (CAP_SYS_NICE)");
        Assert.Equal(SCHED_RR, policyMeanwhile);
        Assert.Equal(SCHED_OTHER, policy);
    }

    [Fact]
    public void A_thread_that_is_not_there_is_not_changed() => Assert.False(ThreadScheduling.TrySet(int.MaxValue, ThreadUrgency.Brief));

    /// <summary>What a thread of its own answers, and how it is scheduled after that.</summary>
    private static (bool Answer, int Policy, int Nice) OnThread(Func<bool> action)
    {
        (bool, int, int) result = default;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                bool answer = action();
                (int policy, int nice) = Read();
                result = (answer, policy, nice);
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null ? result : throw new InvalidOperationException("the thread failed", failure);
    }

    // proc(5): fields 19 and 41 of stat, counted from 1; the name in field 2 may have blanks.
    private static (int Policy, int Nice) Read()
    {
        string text = File.ReadAllText("/proc/thread-self/stat");
        string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (int.Parse(fields[41 - 3], CultureInfo.InvariantCulture), int.Parse(fields[19 - 3], CultureInfo.InvariantCulture));
    }
}
