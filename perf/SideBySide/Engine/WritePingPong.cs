namespace RoceEngine.SideBySide.Engine;

/// <summary>
/// Half of a round trip of 8-byte WRITEs between two threads, each waiting for the other's number in its own memory. In µs.
/// </summary>
/// <param name="pair">The guests; disposed with the measurement.</param>
/// <param name="looksPerPoll">
/// Looks at the own memory between two polls. Over UDP a host must be polled to receive: 1. Guests of one host drive it by turns, and the
/// writer drives its own WRITE to the other's memory: who only waits leaves the host to its peer.
/// </param>
internal sealed unsafe class WritePingPong(GuestPair pair, int looksPerPoll) : IMeasurement
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
                pair.Near.Poll();
                var patience = new Patience(Patience.SystemCallSpins);
                while (!Arrived(pair.Near, number))
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
            long number = seen + 1;
            if (!Arrived(pair.Far, number))
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

    private bool Arrived(Guest guest, long number)
    {
        for (int look = 0; look < looksPerPoll; look++)
        {
            if (Volatile.Read(ref *(long*)guest.Buffer) == number)
                return true;
        }
        return false;
    }

    private static void Write(Guest from, Guest to, long number) => from.PostWriteInline(to, 0, number, signalled: number % SignalEvery == 0);

    public void Dispose() => pair.Dispose();
}
