namespace RoceEngine.SideBySide.Limits;

/// <summary>Half of a round trip between two spinning threads, each writing a cache line that the other reads. In µs.</summary>
internal sealed unsafe class CacheLinePingPong : IMeasurement
{
    private const int RoundTripsPerBatch = 256;
    private const int LineWords = 32;

    private readonly AlignedMemory _lines = new(4096);

    public double Measure(double seconds)
    {
        long* ping = (long*)_lines.Pointer;
        long* pong = ping + LineWords;
        *ping = *pong = 0;
        using var partner = new Partner("cache line partner", me => Echo(me, ping, pong));
        var timer = new BatchTimer(seconds);
        long number = 0;
        do
        {
            for (int i = 0; i < RoundTripsPerBatch; i++)
            {
                Volatile.Write(ref *ping, ++number);
                var patience = new Patience(Patience.MemorySpins);
                while (Volatile.Read(ref *pong) != number)
                    patience.Wait();
            }
        }
        while (timer.Next());
        return timer.MedianSeconds / RoundTripsPerBatch / 2 * 1e6;
    }

    private static void Echo(Partner me, long* ping, long* pong)
    {
        long seen = 0;
        var patience = new Patience(Patience.MemorySpins);
        while (!me.IsStopping)
        {
            long number = Volatile.Read(ref *ping);
            if (number == seen)
            {
                patience.Wait();
                continue;
            }
            Volatile.Write(ref *pong, number);
            seen = number;
            patience.Reset();
        }
    }

    public void Dispose() => _lines.Dispose();
}
