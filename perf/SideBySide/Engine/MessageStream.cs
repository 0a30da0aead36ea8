using System.Diagnostics;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide.Engine;

/// <summary>WRITEs, SENDs or READs of one size, back to back, one way. Where the far host is inline a thread drives it.</summary>
internal sealed class MessageStream : IMeasurement
{
    private readonly IEnginePair _pair;
    private readonly SendOpcode _opcode;
    private readonly int _messageBytes;
    private readonly int _depth;
    private readonly int _signalEvery;
    private readonly double _countedPerMessage;
    private long _posted;

    /// <param name="pair">The guests; disposed with the measurement.</param>
    /// <param name="opcode">WRITE, SEND or READ.</param>
    /// <param name="messageBytes">Bytes of each message.</param>
    /// <param name="depth">Messages under way at most.</param>
    /// <param name="signalEvery">Every so many messages one is signalled; divides <paramref name="depth"/>.</param>
    /// <param name="countedPerMessage">What a completed message adds to the result, per second.</param>
    public MessageStream(IEnginePair pair, SendOpcode opcode, int messageBytes, int depth, int signalEvery, double countedPerMessage)
    {
        _pair = pair;
        _opcode = opcode;
        _messageBytes = messageBytes;
        _depth = depth;
        _signalEvery = signalEvery;
        _countedPerMessage = countedPerMessage;
    }

    /// <summary>A stream whose result is in GB/s, with about 4 MiB under way.</summary>
    public static MessageStream Goodput(IEnginePair pair, SendOpcode opcode, int messageBytes)
    {
        int depth = Math.Clamp((4 << 20) / messageBytes, 4, Guest.SendDepth / 2);
        return new MessageStream(pair, opcode, messageBytes, depth, signalEvery: messageBytes >= 4096 ? 1 : 16, messageBytes / 1e9);
    }

    /// <summary>Messages completed so far, warm-up included.</summary>
    public long Completed { get; private set; }

    /// <summary>Bytes of those messages.</summary>
    public long CompletedBytes => Completed * _messageBytes;

    /// <summary>Bytes that the threads of both ends allocated so far while they worked, as far as they can be seen.</summary>
    public long AllocatedBytes { get; private set; }

    public double Measure(double seconds)
    {
        IFarEnd far = _pair.Begin(_opcode == SendOpcode.Send ? FarTask.Receive : FarTask.Serve, _messageBytes);
        try
        {
            long allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
            double result = Run(seconds, far);
            AllocatedBytes += GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
            return result;
        }
        finally
        {
            far.Dispose();
            AllocatedBytes += far.AllocatedBytes;
        }
    }

    private double Run(double seconds, IFarEnd far)
    {
        long begin = Stopwatch.GetTimestamp();
        long end = begin + (long)(seconds * Stopwatch.Frequency);
        long completed = 0;
        long outstanding = 0;
        var patience = new Patience(_pair.SpinsBeforeYield);
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
            if (!_pair.Near.TryPost(_opcode, _pair.Far, _messageBytes, signalled: ++_posted % _signalEvery == 0))
                throw new InvalidOperationException("the send queue is full");
        }
        _pair.Near.EndPost();
        return posted;
    }

    private void Drain(long outstanding, IFarEnd far)
    {
        var patience = new Patience(_pair.SpinsBeforeYield);
        while (outstanding > 0 && !far.HasEnded)
        {
            long done = (long)_pair.Near.Poll() * _signalEvery;
            outstanding -= done;
            if (done == 0)
                patience.Wait();
        }
    }

    public void Dispose() => _pair.Dispose();
}
