namespace RoceEngine.Host;

/// <summary>
/// Lets any thread drive a worker for a turn under a try-lock. A standby thread looks now and then whether anybody does; where
/// nobody does it drives, and sleeps like a worker's own thread, so that a guest that waits or does nothing is served too.
/// </summary>
public sealed class InlineDriver : IDisposable
{
    /// <summary>How long the standby waits before it looks again whether others drive.</summary>
    private const long LookNs = 5_000_000;

    /// <summary>
    /// Turns by others within that time that count as driving: half a millisecond from one to the next. An idle poller makes many
    /// thousands; one that streams makes few, since a turn that moves 128 packets of 4 KiB takes some 200 µs.
    /// </summary>
    private const long TurnsThatCount = 10;

    private const long AwakeNs = 50_000;

    private readonly Worker _worker;
    private readonly WorkerSleep _sleep;
    private readonly Thread _standby;
    private readonly ManualResetEventSlim _stopping = new();
    private long _turns;
    private int _busy;

    public InlineDriver(Worker worker)
    {
        _worker = worker;
        _sleep = new WorkerSleep(worker);
        _standby = new Thread(RunStandby) { IsBackground = true, Name = "vrdma-standby" };
    }

    public void Start() => _standby.Start();

    /// <summary>One turn, unless another thread is at it.</summary>
    public void Drive()
    {
        if (!TryEnter())
            return;
        try
        {
            _turns++;
            _worker.Turn(HostClock.NowNs());
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    private bool TryEnter() => Volatile.Read(ref _busy) == 0 && Interlocked.CompareExchange(ref _busy, 1, 0) == 0;

    private void RunStandby()
    {
        long seen = Volatile.Read(ref _turns);
        while (!_stopping.Wait(TimeSpan.FromMilliseconds(LookNs / 1_000_000)))
        {
            long turns = Volatile.Read(ref _turns);
            bool othersDrive = turns - seen >= TurnsThatCount;
            seen = turns;
            if (!othersDrive)
                seen = DriveUntilOthersDo();
        }
    }

    // Returns the count of turns when the others were found to drive again.
    private long DriveUntilOthersDo()
    {
        long seen = Volatile.Read(ref _turns);
        long lookedNs = HostClock.NowNs();
        long workedNs = lookedNs;
        while (!_stopping.IsSet)
        {
            long nowNs = HostClock.NowNs();
            long turns = Volatile.Read(ref _turns);
            if (turns - seen >= TurnsThatCount)
                return turns;
            if (nowNs - lookedNs >= LookNs)
            {
                seen = turns;
                lookedNs = nowNs;
            }
            if (TurnAlone() > 0)
                workedNs = nowNs;
            else if (nowNs - workedNs > AwakeNs)
                SleepUntilNews();
            else
                Thread.Yield();
        }
        return Volatile.Read(ref _turns);
    }

    private int TurnAlone()
    {
        if (!TryEnter())
            return 0;
        try
        {
            return _worker.Turn(HostClock.NowNs());
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    // The lock is free during the wait itself. A poller that drives meanwhile may leave its doorbells unannounced to us: so the
    // wait is bounded.
    private void SleepUntilNews()
    {
        if (!TryEnter())
            return;
        bool prepared;
        PreparedWait wait = default;
        try
        {
            prepared = _sleep.TryPrepare();
            if (prepared)
                wait = _sleep.Prepare(LookNs);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
        if (prepared)
            WorkerSleep.Wait(wait);
        while (!TryEnter())
            Thread.Yield();
        try
        {
            _sleep.Finish();
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    /// <summary>Ends the standby thread, after a last turn. Whoever still drives finds nothing to do.</summary>
    public void Dispose()
    {
        _stopping.Set();
        _sleep.Wake();
        if (_standby.IsAlive)
            _standby.Join();

        // Entered and never left: a poller of a closing context may still come by, and must not touch the worker any more.
        while (!TryEnter())
            Thread.Yield();
        _worker.Turn(HostClock.NowNs());
        _sleep.Dispose();
        _stopping.Dispose();
    }
}
