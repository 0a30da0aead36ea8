namespace RoceEngine.SideBySide.Engine;

/// <summary>
/// Half of a round trip of 8-byte WRITEs between two threads, each waiting for the other's number in its own memory. In µs.
/// </summary>
internal sealed unsafe class WritePingPong(GuestPair pair) : IMeasurement
{
    private const int RoundTripsPerBatch = 16;

    /// <summary>One WRITE in so many is signalled, which keeps the send queue from filling.</summary>
    private const int SignalEvery = 64;

    private long _number;

    public double Measure(double seconds)
    {
        long first = _number;
        using var partner = new Partner("far guest", me => Echo(me, first));
        var timer = new BatchTimer(seconds);
        do
        {
            for (int i = 0; i < RoundTripsPerBatch; i++)
            {
                long number = ++_number;
                Write(pair.Near, pair.Far, number);
                var patience = new Patience(Patience.SystemCallSpins);
                while (Volatile.Read(ref *(long*)pair.Near.Buffer) != number)
                {
                    pair.Near.Poll();
                    patience.Wait();
                    if (partner.HasEnded)
                        return double.NaN;
                }
            }
        }
        while (timer.Next());
        return timer.MedianSeconds / RoundTripsPerBatch / 2 * 1e6;
    }

    private void Echo(Partner me, long seen)
    {
        var patience = new Patience(Patience.SystemCallSpins);
        while (!me.IsStopping)
        {
            long number = Volatile.Read(ref *(long*)pair.Far.Buffer);
            if (number == seen)
            {
                pair.Far.Poll();
                patience.Wait();
                continue;
            }
            seen = number;
            patience.Reset();
            Write(pair.Far, pair.Near, number);
            pair.Far.Poll();
        }
    }

    private static void Write(Guest from, Guest to, long number) => from.PostWriteInline(to, 0, number, signalled: number % SignalEvery == 0);

    public void Dispose() => pair.Dispose();
}
