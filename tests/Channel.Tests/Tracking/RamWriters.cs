using System.Runtime.CompilerServices;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

/// <summary>
/// Threads that increment words of guest RAM, each its own, at random, and find in each what they wrote there last. Reads and writes
/// happen in managed code, in methods that the collector cannot interrupt.
/// </summary>
internal sealed unsafe class RamWriters : IDisposable
{
    private const int WordsPerPage = 8;
    private readonly Thread[] _threads;
    private readonly long[][] _expected;
    private readonly long* _ram;
    private readonly long _pages;
    private volatile bool _stop;
    private int _lost;
    private long _writes;

    public RamWriters(byte* ram, long bytes, int threads)
    {
        _ram = (long*)ram;
        _pages = bytes / SharedMemory.PageBytes;
        _threads = new Thread[threads];
        _expected = new long[threads][];
        for (int i = 0; i < threads; i++)
        {
            int self = i;
            _expected[i] = new long[_pages * WordsPerPage];
            _threads[i] = new Thread(() => Write(self)) { IsBackground = true };
            _threads[i].Start();
        }
    }

    /// <summary>Words that did not hold what was written last.</summary>
    public int Lost => Volatile.Read(ref _lost);

    public long Writes => Interlocked.Read(ref _writes);

    /// <summary>Lets the threads end and looks at every word once more.</summary>
    public void StopAndCheck()
    {
        Dispose();
        for (int self = 0; self < _threads.Length; self++)
        {
            for (int word = 0; word < _expected[self].Length; word++)
                Assert.Equal(_expected[self][word], *At(self, word));
        }
        Assert.Equal(0, Lost);
    }

    public void Dispose()
    {
        _stop = true;
        foreach (Thread thread in _threads)
            thread.Join();
    }

    private void Write(int self)
    {
        var random = new Random(self);
        long[] expected = _expected[self];
        for (int i = 1; !_stop; i++)
        {
            int word = random.Next(expected.Length);
            long* at = At(self, word);
            if (Load(at) != expected[word])
                Interlocked.Increment(ref _lost);
            Store(at, ++expected[word]);
            if (i % 512 != 0)
                continue;
            Interlocked.Add(ref _writes, 512);
            Thread.Sleep(1);
        }
    }

    // Leaf methods without a loop: the collector cannot stop a thread inside them.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Load(long* at) => Volatile.Read(ref *at);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Store(long* at, long value) => Volatile.Write(ref *at, value);

    private long* At(int self, int word) =>
        _ram + word / WordsPerPage * (SharedMemory.PageBytes / sizeof(long)) + word % WordsPerPage * _threads.Length + self;
}
