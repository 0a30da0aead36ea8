namespace Hostile.Tests.Guests;

/// <summary>A second thread of Mallory's, which writes again and again where the device reads. It ends when it is disposed of.</summary>
internal sealed class Flipper : IDisposable
{
    private readonly Thread _thread;
    private bool _stop;
    private long _rounds;

    /// <summary><paramref name="flip"/> writes guest memory and does nothing else: it must not throw.</summary>
    public Flipper(int seed, Action<Random> flip)
    {
        _thread = new Thread(() =>
        {
            var random = new Random(seed);
            while (!Volatile.Read(ref _stop))
            {
                flip(random);
                Volatile.Write(ref _rounds, _rounds + 1);
            }
        });
        _thread.Start();
    }

    /// <summary>So many rounds of what this thread does, and more while the other has not had its own: neither depends on the clock.</summary>
    public void Beside(int rounds, int flips, Action<int> work)
    {
        for (int round = 0; round < rounds || Volatile.Read(ref _rounds) < flips; round++)
        {
            if (round >= rounds)
            {
                Thread.Sleep(1);
            }

            work(round);
        }
    }

    public void Dispose()
    {
        Volatile.Write(ref _stop, true);
        _thread.Join();
    }
}
