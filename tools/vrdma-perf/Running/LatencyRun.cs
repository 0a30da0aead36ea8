using RoceEngine.PerfTool.Options;
using RoceEngine.PerfTool.Statistics;
using RoceEngine.Verbs;

namespace RoceEngine.PerfTool.Running;

/// <summary>
/// A side's part in a latency test of one size. The client posts, waits for the answer, posts again; what answers is
/// the peer's program (WRITE, SEND) or its device alone (READ, atomics), which the derived classes know.
/// </summary>
internal abstract class LatencyRun(PerfOptions options, MessagePoster poster, CompletionWaiter waiter, bool isClient)
{
    private readonly LatencyRecorder _recorder = options.IsDuration
        ? LatencyRecorder.ForDuration(Parts(options))
        : LatencyRecorder.ForIterations(options.Iterations, Parts(options));

    private long _open;
    private long _counted;
    private RunClock? _clock;

    /// <summary>Messages that this side sent.</summary>
    public long Sent { get; private set; }

    protected MessagePoster Poster => poster;

    protected PerfOptions Options => options;

    protected CompletionWaiter Waiter => waiter;

    /// <summary>Work requests that have not completed.</summary>
    protected long Open => _open;

    /// <summary>The run for a verb.</summary>
    public static LatencyRun For(PerfOptions options, Endpoint endpoint, MessagePoster poster, CompletionWaiter waiter, bool isClient) =>
        options.Test.Verb switch
        {
            PerfVerb.Write => new WriteLatencyRun(options, endpoint, poster, waiter, isClient),
            PerfVerb.Send => new SendLatencyRun(options, poster, waiter, isClient),
            _ => new ResponseLatencyRun(options, poster, waiter, isClient),
        };

    /// <summary>Makes ready for a size, before the other side may begin.</summary>
    public virtual void Prepare(int sizeBytes) => poster.Prepare(sizeBytes);

    /// <summary>Runs the exchanges and takes every completion.</summary>
    public LatencyResult Run(int sizeBytes)
    {
        _clock = options.IsDuration ? new RunClock(RunClock.NowNs, options.DurationSeconds, options.MarginSeconds) : null;
        while (IsAnswered() && TryPost())
        {
        }

        while (_open > 0)
            TakeCompletions();
        return _clock is null
            ? _recorder.Finish(sizeBytes, options.Iterations)
            : _recorder.FinishDuration(sizeBytes, _counted, _clock.MeasuredSeconds);
    }

    /// <summary>Waits for the peer's message or answer with this number, counted from 1; false when the other side has ended the run.</summary>
    protected abstract bool Await(long number);

    /// <summary>Called before the post with this number, counted from 1.</summary>
    protected virtual void BeforePost(long number)
    {
    }

    /// <summary>A receive was used.</summary>
    protected virtual void OnReceived()
    {
    }

    /// <summary>Takes what completions there are; in a device that is driven by polling, this drives it.</summary>
    protected void TakeCompletions()
    {
        int count = waiter.Poll();
        foreach (ref readonly WorkCompletion completion in waiter.Batch(count))
        {
            if ((completion.WorkRequestId & MessagePoster.ReceiveMark) != 0)
                OnReceived();
            else
                TakeSend();
        }
    }

    private void TakeSend()
    {
        _open--;
        waiter.Count(1);
    }

    /// <summary>2 for half round trips, 1 for full ones.</summary>
    private static int Parts(PerfOptions options) => options.Test.IsResponse ? 1 : 2;

    /// <summary>The client begins, so it awaits as many answers as it posted; the server awaits one message more.</summary>
    private bool IsAnswered()
    {
        long number = isClient ? Sent : Sent + 1;
        return number == 0 || Await(number);
    }

    private bool TryPost()
    {
        if (_clock is null && Sent == options.Iterations)
            return false;
        while (_open >= Endpoint.LatencyDepth)
            TakeCompletions();
        if (options.LatencyGapUs > 0)
            Pause();

        long nowNs = RunClock.NowNs;
        if (_clock is not null && !Record(nowNs))
            return false;
        if (_clock is null)
            _recorder.Posted(nowNs);
        Sent++;
        BeforePost(Sent);
        poster.Post(signaled: true);
        _open++;
        // The server's last message needs no answer.
        return isClient || _clock is not null || Sent < options.Iterations;
    }

    /// <summary>Counts the exchange that ends with this post; false when the client's time is over.</summary>
    private bool Record(long nowNs)
    {
        RunPhase phase = _clock!.At(nowNs);
        if (phase == RunPhase.Measure)
        {
            if (nowNs != _clock.MeasuredFromNs)
                _counted++;
            _recorder.Posted(nowNs);
        }

        return phase != RunPhase.End || !isClient;
    }

    private void Pause()
    {
        long untilNs = RunClock.NowNs + (options.LatencyGapUs * 1000L);
        while (RunClock.NowNs < untilNs)
            TakeCompletions();
    }
}
