using RoceEngine.SideBySide.Engine;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide.Loss;

/// <summary>
/// RC WRITEs one way between two hosts over loopback UDP that lose a share of what they receive: all rates by turns, so that a noisy
/// moment of the machine meets them all.
/// </summary>
internal static class LossRun
{
    /// <summary>The rates, the one without loss first.</summary>
    public static IReadOnlyList<double> Rates { get; } = [0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];

    private const double WarmUpSeconds = 1.5;
    private const int BytesUnderWay = 4 << 20;

    /// <summary>The highest rate at which no QP may ever end in error, and to which a number of messages applies.</summary>
    private const double EnduredRate = 0.05;

    /// <summary>
    /// Measures each rate for <paramref name="seconds"/> in all; rates up to <see cref="EnduredRate"/> go on until <paramref name="messages"/>
    /// WRITEs are complete.
    /// </summary>
    public static LossDocument Run(int messageBytes, double seconds, long messages)
    {
        var sides = new List<Side>();
        try
        {
            for (int i = 0; i < Rates.Count; i++)
                sides.Add(new Side(GuestPair.OverLossyUdp(messageBytes, Rates[i], i), messageBytes));
            foreach (Side side in sides)
                side.Measure(WarmUpSeconds, counts: false);
            for (int round = 0; round < InterleavedRun.Rounds; round++)
            {
                foreach (Side side in sides)
                    side.Measure(seconds / InterleavedRun.Rounds, counts: true);
            }
            for (int i = 0; i < Rates.Count && Rates[i] <= EnduredRate; i++)
            {
                while (sides[i].Errors == 0 && sides[i].Messages < messages)
                    sides[i].Measure(WarmUpSeconds, counts: false);
            }
            double whole = sides[0].Goodput;
            return new LossDocument(
                messageBytes, [.. sides.Select((side, i) => new LossFigure(Rates[i], side.Goodput, side.Goodput / whole, side.Messages, side.Errors))]);
        }
        finally
        {
            foreach (Side side in sides)
                side.Dispose();
        }
    }

    /// <summary>One rate's pair of hosts.</summary>
    private sealed class Side(GuestPair pair, int messageBytes) : IDisposable
    {
        private readonly MessageStream _stream = new(
            pair, SendOpcode.Write, messageBytes, Math.Clamp(BytesUnderWay / messageBytes, 4, Guest.SendDepth / 2), signalEvery: 1, messageBytes / 1e9);
        private readonly List<double> _goodputs = [];

        public int Errors { get; private set; }

        public long Messages => _stream.Completed;

        public double Goodput => _goodputs.Count == 0 ? 0 : InterleavedRun.Median([.. _goodputs]);

        public void Measure(double seconds, bool counts)
        {
            if (Errors != 0)
                return;
            try
            {
                double goodput = _stream.Measure(seconds);
                if (counts)
                    _goodputs.Add(goodput);
            }
            catch (RequestFailedException failure)
            {
                Console.Error.WriteLine(failure.Message);
                Errors++;
            }
        }

        public void Dispose() => _stream.Dispose();
    }
}
