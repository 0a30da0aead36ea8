using System.Diagnostics;
using RoceEngine.Interop;

namespace RoceEngine.SideBySide.Engine;

/// <summary>
/// RC WRITEs of one size, back to back, one way over UDP. The far host is driven by a thread of its own.
/// </summary>
internal sealed class WriteStream : IMeasurement
{
    private readonly GuestPair _pair;
    private readonly int _messageBytes;
    private readonly int _depth;
    private readonly int _signalEvery;
    private readonly double _countedPerMessage;
    private long _posted;

    /// <summary>WRITEs completed so far, warm-up included.</summary>
    public long Completed { get; private set; }

    /// <param name="pair">The guests; disposed with the measurement.</param>
    /// <param name="messageBytes">Bytes of each WRITE.</param>
    /// <param name="depth">WRITEs under way at most.</param>
    /// <param name="signalEvery">Every so many WRITEs one is signalled; divides <paramref name="depth"/>.</param>
    /// <param name="countedPerMessage">What a completed WRITE adds to the result, per second.</param>
    public WriteStream(GuestPair pair, int messageBytes, int depth, int signalEvery, double countedPerMessage)
    {
        _pair = pair;
        _messageBytes = messageBytes;
        _depth = depth;
        _signalEvery = signalEvery;
        _countedPerMessage = countedPerMessage;
    }

    public double Measure(double seconds)
    {
        using var far = new Partner("far guest", DriveFar);
        long begin = Stopwatch.GetTimestamp();
        long end = begin + (long)(seconds * Stopwatch.Frequency);
        long completed = 0;
        long outstanding = 0;
        var patience = new Patience(Patience.SystemCallSpins);
        while (Stopwatch.GetTimestamp() < end)
        {
            outstanding += PostUpTo(_depth - outstanding);
            long done = (long)_pair.Near.Poll() * _signalEvery;
            completed += done;
            outstanding -= done;
            if (done == 0)
                patience.Wait();
            else
                patience.Reset();
            if (far.HasEnded)
                break;
        }
        double elapsed = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        Drain(outstanding, far);
        Completed += completed + outstanding;
        return completed * _countedPerMessage / elapsed;
    }

    private long PostUpTo(long room)
    {
        if (room < _signalEvery)
            return 0;
        long posted = 0;
        _pair.Near.BeginPost();
        for (; posted < room - room % _signalEvery; posted++)
        {
            if (!_pair.Near.TryPostWrite(_pair.Far, _messageBytes, signalled: ++_posted % _signalEvery == 0))
                throw new InvalidOperationException("the send queue is full");
        }
        _pair.Near.EndPost();
        return posted;
    }

    private void Drain(long outstanding, Partner far)
    {
        while (outstanding > 0 && !far.HasEnded)
            outstanding -= (long)_pair.Near.Poll() * _signalEvery;
    }

    private void DriveFar(Partner me)
    {
        // The far guest sees nothing of a WRITE, so it cannot tell when it spins in vain: it lets others run now and then.
        const int pollsPerYield = 2000;
        for (int polls = 0; !me.IsStopping; polls++)
        {
            _pair.Far.Poll();
            if (polls % pollsPerYield == 0)
                _ = Scheduling.Yield();
        }
    }

    public void Dispose() => _pair.Dispose();
}
