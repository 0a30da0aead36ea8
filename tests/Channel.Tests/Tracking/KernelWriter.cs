using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

/// <summary>
/// A thread for which the kernel writes into guest RAM, by read(2), a word of each page in turn. While it waits at a frozen page it is in a system call,
/// so that no collection waits for it.
/// </summary>
internal sealed unsafe class KernelWriter : IDisposable
{
    private readonly int _from;
    private readonly int _to;
    private readonly Thread _reader;
    private readonly Thread _feeder;
    private volatile bool _stop;
    private long _failures;
    private long _writes;

    public KernelWriter(byte* ram, long bytes)
    {
        int* pair = stackalloc int[2];
        SystemCallException.Check(
            Sockets.CreatePair(SocketConstants.AF_UNIX, SocketConstants.SOCK_STREAM | SocketConstants.SOCK_CLOEXEC, 0, pair), "socketpair");
        (_from, _to) = (pair[0], pair[1]);
        _reader = new Thread(() => Read(ram, bytes)) { IsBackground = true };
        _feeder = new Thread(Feed) { IsBackground = true };
        _reader.Start();
        _feeder.Start();
    }

    public long Writes => Interlocked.Read(ref _writes);

    /// <summary>Lets the threads end and sees that every call did what it should.</summary>
    public void StopAndCheck()
    {
        Dispose();
        Assert.Equal(0, Interlocked.Read(ref _failures));
    }

    public void Dispose()
    {
        if (_stop)
            return;
        _stop = true;
        _feeder.Join();
        _reader.Join();
        Events.Close(_from);
    }

    private void Read(byte* ram, long bytes)
    {
        for (long at = 0; Events.Read(_from, ram + at, sizeof(long)) is not 0 and var got; at = (at + SharedMemory.PageBytes) % bytes)
        {
            if (got == sizeof(long))
                Interlocked.Increment(ref _writes);
            else
                Interlocked.Increment(ref _failures);
        }
    }

    private void Feed()
    {
        for (long value = 1; !_stop; value++)
        {
            if (Events.Write(_to, &value, sizeof(long)) != sizeof(long))
                Interlocked.Increment(ref _failures);
            if (value % 64 == 0)
                Thread.Sleep(1);
        }
        Events.Close(_to); // the reader ends
    }
}
