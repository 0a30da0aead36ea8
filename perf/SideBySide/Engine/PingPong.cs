using System.Diagnostics;
using HdrHistogram;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide.Engine;

/// <summary>Half of a round trip of WRITEs, each seen in the receiver's own memory, or of SENDs, each seen by its completion. In µs.</summary>
/// <param name="pair">The guests; disposed with the measurement.</param>
/// <param name="opcode">WRITE or SEND.</param>
/// <param name="messageBytes">Bytes of each message.</param>
internal sealed class PingPong(IEnginePair pair, SendOpcode opcode, int messageBytes) : IMeasurement
{
    private const int RoundTripsPerBatch = 16;
    private const double NanosecondsPerTick = 1e9;

    private readonly MarkedArrival _arrival = new(pair.Near, messageBytes, pair.LooksPerPoll);
    private byte _number;

    /// <summary>Round trips so far.</summary>
    public long RoundTrips { get; private set; }

    public double Measure(double seconds)
    {
        using IFarEnd far = Begin();
        var timer = new BatchTimer(seconds);
        do
        {
            for (int i = 0; i < RoundTripsPerBatch; i++)
            {
                if (!TryRoundTrip(far))
                    return double.NaN;
            }
        }
        while (timer.Next());
        return timer.MedianSeconds / RoundTripsPerBatch / 2 * 1e6;
    }

    /// <summary>Puts every single half of a round trip into a histogram of nanoseconds.</summary>
    public void Record(double seconds, LongHistogram halvesNs)
    {
        using IFarEnd far = Begin();
        long last = Stopwatch.GetTimestamp();
        long end = last + (long)(seconds * Stopwatch.Frequency);
        while (last < end && TryRoundTrip(far))
        {
            long now = Stopwatch.GetTimestamp();
            halvesNs.RecordValue(Math.Max(1, (long)((now - last) * (NanosecondsPerTick / Stopwatch.Frequency) / 2)));
            last = now;
        }
    }

    public void Dispose() => pair.Dispose();

    private IFarEnd Begin() => pair.Begin(opcode == SendOpcode.Write ? FarTask.EchoWrites : FarTask.EchoSends, messageBytes, _number);

    private bool TryRoundTrip(IFarEnd far)
    {
        RoundTrips++;
        byte number = ++_number;
        MarkedArrival.Mark(pair.Near, messageBytes, number);
        pair.Near.PostAtOnce(opcode, pair.Far, messageBytes, signalled: number % FarLoops.SignalEvery == 0);
        return opcode == SendOpcode.Write ? TryAwaitWrite(number, far) : TryAwaitSend(far);
    }

    private bool TryAwaitWrite(byte number, IFarEnd far)
    {
        pair.Near.Poll();
        var patience = new Patience(pair.SpinsBeforeYield);
        while (!_arrival.Look(number))
        {
            pair.Near.Poll();
            patience.Wait();
            if (far.HasEnded)
                return false;
        }
        return true;
    }

    private bool TryAwaitSend(IFarEnd far)
    {
        var patience = new Patience(pair.SpinsBeforeYield);
        while (true)
        {
            pair.Near.Poll(out int received);
            if (received > 0)
                return true;
            patience.Wait();
            if (far.HasEnded)
                return false;
        }
    }
}
