namespace RoceEngine.Channel.Tests;

/// <summary>A thread that allocates and collects until it is disposed.</summary>
internal sealed class CollectorPressure : IDisposable
{
    private readonly Thread _thread;
    private volatile bool _stop;

    public CollectorPressure()
    {
        _thread = new Thread(() =>
        {
            var kept = new byte[64][];
            for (int i = 0; !_stop; i++)
            {
                kept[i % kept.Length] = new byte[10_000];
                if (i % 16 == 0)
                    GC.Collect(i / 16 % 3);
                if (i % 64 == 0)
                    Thread.Sleep(1);
            }
        });
        _thread.Start();
    }

    public void Dispose()
    {
        _stop = true;
        _thread.Join();
    }
}
