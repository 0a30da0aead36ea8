using System.Diagnostics;
using RoceEngine.SideBySide.Engine;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide.Scale;

/// <summary>One busy QP alone and beside idle ones, over loopback UDP, by turns.</summary>
internal static class ScaleRun
{
    /// <summary>Connected QPs of each guest.</summary>
    public static IReadOnlyList<int> Counts { get; } = [1, 10, 100, 1_000, 10_000];

    private const double WarmUpSeconds = 1.5;
    private const int MessageBytes = 64;
    private const int BufferBytes = 4096;

    /// <summary>Each number of QPs is measured for <paramref name="seconds"/> in all, and as long without them.</summary>
    public static ScaleDocument Run(double seconds)
    {
        using MessageStream alone = Stream(GuestPair.OverUdp(BufferBytes));
        alone.Measure(WarmUpSeconds);
        return new ScaleDocument([.. Counts.Select(count => Measure(alone, count, seconds))]);
    }

    private static MessageStream Stream(GuestPair pair) => new(pair, SendOpcode.Write, MessageBytes, Guest.SendDepth, signalEvery: 64, 1e-6);

    private static ScaleFigure Measure(MessageStream alone, int count, double seconds)
    {
        Console.Error.WriteLine($"{count} QPs …");
        int idle = count - 1;
        GuestPair pair = GuestPair.ManyOverUdp(BufferBytes, count, number: 1);
        using MessageStream beside = Stream(pair);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        long begin = Stopwatch.GetTimestamp();
        pair.AddIdle(idle);
        double createUs = idle == 0 ? 0 : Stopwatch.GetElapsedTime(begin).TotalMicroseconds / idle;
        double bytes = idle == 0 ? 0 : (GC.GetTotalMemory(forceFullCollection: true) - before) / (2.0 * idle);
        beside.Measure(WarmUpSeconds);

        var aloneRates = new double[InterleavedRun.Rounds];
        var besideRates = new double[InterleavedRun.Rounds];
        for (int round = 0; round < InterleavedRun.Rounds; round++)
        {
            aloneRates[round] = alone.Measure(seconds / InterleavedRun.Rounds);
            besideRates[round] = beside.Measure(seconds / InterleavedRun.Rounds);
        }
        double aloneRate = InterleavedRun.Median(aloneRates);
        double besideRate = InterleavedRun.Median(besideRates);
        return new ScaleFigure(count, createUs, bytes, aloneRate, besideRate, besideRate / aloneRate);
    }
}
