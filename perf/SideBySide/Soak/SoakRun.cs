using HdrHistogram;
using RoceEngine.SideBySide.Daemons;
using RoceEngine.SideBySide.Engine;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide.Soak;

/// <summary>
/// The datapath for a long time in a few long runs, none of which allocates while it lasts: ping-pongs of 8 bytes, each round trip recorded, and
/// streams of 64 KiB. Counts garbage collections here and in the daemons, which have their own.
/// </summary>
internal static class SoakRun
{
    private const int StreamBytes = 64 << 10;
    private const double WarmUpSeconds = 1;
    private const long HighestNs = 100_000_000_000;

    public static SoakResult Run(double seconds)
    {
        Partner.PinThread(last: false);
        using DaemonWorld overUdp = DaemonWorld.OverUdp();
        using DaemonWorld local = DaemonWorld.Local();
        (string What, SendOpcode Opcode, Func<IEnginePair> Open)[] latencies =
        [
            ("WRITE 8 B over UDP, inline", SendOpcode.Write, () => GuestPair.OverUdp(4096)),
            ("SEND 8 B over UDP, inline", SendOpcode.Send, () => GuestPair.OverUdp(4096)),
            ("WRITE 8 B on one host, inline", SendOpcode.Write, () => GuestPair.Local(4096)),
            ("WRITE 8 B over UDP, two daemons", SendOpcode.Write, () => overUdp.Open(4096)),
            ("SEND 8 B over UDP, two daemons", SendOpcode.Send, () => overUdp.Open(4096)),
            ("WRITE 8 B on one host, daemon", SendOpcode.Write, () => local.Open(4096)),
        ];
        Func<IEnginePair>[] streams = [() => GuestPair.OverUdp(StreamBytes), () => overUdp.Open(StreamBytes)];

        double share = seconds / (latencies.Length + streams.Length);
        var counter = new CollectionCounter();
        long messages = 0;
        var tails = new List<TailFigure>();
        foreach ((string what, SendOpcode opcode, Func<IEnginePair> open) in latencies)
        {
            Console.Error.WriteLine($"{what} …");
            using var pingPong = new PingPong(open(), opcode, sizeof(long));
            pingPong.Measure(WarmUpSeconds);
            var halves = new LongHistogram(1, HighestNs, 3);
            counter.Watch(() => pingPong.Record(share, halves));
            messages += 2 * pingPong.RoundTrips;
            tails.Add(new TailFigure(
                what, halves.TotalCount, Percentile(halves, 50), Percentile(halves, 99), Percentile(halves, 99.9), halves.GetMaxValue() / 1e3));
        }
        foreach (Func<IEnginePair> open in streams)
        {
            using MessageStream stream = MessageStream.Goodput(open(), SendOpcode.Write, StreamBytes);
            stream.Measure(WarmUpSeconds);
            counter.Watch(() => stream.Measure(share));
            messages += stream.Completed;
        }
        long daemons = overUdp.EndAndCountCollections() + local.EndAndCountCollections();
        return new SoakResult(seconds, tails, messages, counter.Collections, daemons, counter.Pause.TotalMilliseconds);
    }

    private static double Percentile(LongHistogram halves, double percentile) => halves.GetValueAtPercentile(percentile) / 1e3;

    /// <summary>Sums up what the collector does while something runs, and not what it does between.</summary>
    private sealed class CollectionCounter
    {
        public long Collections { get; private set; }

        public TimeSpan Pause { get; private set; }

        public void Watch(Action run)
        {
            GC.Collect();
            int collections = GC.CollectionCount(0);
            TimeSpan pause = GC.GetTotalPauseDuration();
            run();
            Collections += GC.CollectionCount(0) - collections;
            Pause += GC.GetTotalPauseDuration() - pause;
        }
    }
}
