namespace RoceEngine.Host;

/// <summary>
/// Lets any thread drive a worker for a turn under a try-lock. A standby thread serves while nobody else does: an application that waits, that
/// does something else, or that looks at its memory instead of polling.
/// </summary>
/// <remarks>
/// The standby is awake or aside. Awake it looks whether others drive, and drives when they do not; when all is idle it sleeps on the worker's
/// descriptors like a worker's own thread. When another drives it steps aside, so that it takes no time from that one: it looks again after 50 µs, and
/// after longer and longer times while it finds it at it. Who is about to wait calls it back. One who comes while the standby is at it, back from a time
/// without a core for example, finds no moment between two turns under load: the standby leaves it one.
/// </remarks>
public sealed class InlineDriver : IDisposable
{
    /// <summary>Nobody drives when the last turn of another thread is so long ago: a poller of an empty queue makes one each microsecond.</summary>
    private const long UndrivenNs = 20_000;

    /// <summary>Long ago.</summary>
    private const long NobodyDrivesNs = 0;

    private const long AsideNsMin = 50_000;
    private const long AsideNsMax = 5_000_000;
    private const long AwakeNs = 50_000;
    private const long LetGoNs = 3_000;

    private readonly Worker _worker;
    private readonly WorkerSleep _sleep;
    private readonly Thread _standby;
    private readonly StandbyRest _rest = new();
    private volatile bool _stopping;
    private long _drivenNs;
    private long _contendedUntilNs;
    private int _busy;
    private bool _isWanted;

    public InlineDriver(Worker worker)
    {
        _worker = worker;
        _sleep = new WorkerSleep(worker);
        _standby = new Thread(RunStandby) { IsBackground = true, Name = "vrdma-standby" };
    }

    public void Start()
    {
        _standby.Start();
        AppDomain.CurrentDomain.ProcessExit += OnProcessExit;
    }

    /// <summary>One turn, unless another thread is at it.</summary>
    public void Drive()
    {
        if (!TryEnter())
        {
            if (!Volatile.Read(ref _isWanted))
                Volatile.Write(ref _isWanted, true);
            return;
        }
        try
        {
            long nowNs = HostClock.NowNs();
            Volatile.Write(ref _drivenNs, nowNs);

            // A turn with work may last longer than the standby waits before it drives.
            if (_worker.Turn(nowNs) > 0)
                Volatile.Write(ref _drivenNs, HostClock.NowNs());
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    /// <summary>The caller is about to wait for something instead of driving: the standby serves at once. Costs nothing when it is awake.</summary>
    public void CallStandby()
    {
        // Its last turn, a moment ago, must not make the standby stay aside.
        Volatile.Write(ref _drivenNs, NobodyDrivesNs);
        _rest.End();
    }

    // What came last is answered in the next turn, which nobody would take.
    private void OnProcessExit(object? sender, EventArgs e) => Drive();

    /// <summary>True when another thread drives, or did a short while ago and did not say that it stopped.</summary>
    private bool IsDriven(long nowNs) => Volatile.Read(ref _busy) != 0 || nowNs - Volatile.Read(ref _drivenNs) < UndrivenNs;

    private bool TryEnter() => Volatile.Read(ref _busy) == 0 && Interlocked.CompareExchange(ref _busy, 1, 0) == 0;

    private void RunStandby()
    {
        while (!_stopping)
        {
            ServeWhileUndriven();
            StandAside();
        }
    }

    private void ServeWhileUndriven()
    {
        long workedNs = HostClock.NowNs();
        Volatile.Write(ref _isWanted, false);
        while (!_stopping)
        {
            long nowNs = HostClock.NowNs();
            if (IsDriven(nowNs))
                return;
            if (Volatile.Read(ref _isWanted))
            {
                LetGo(nowNs);
            }
            else if (TurnAlone() > 0)
            {
                workedNs = nowNs;
            }
            else if (nowNs - workedNs > AwakeNs || IsContended(nowNs))
            {
                // Woken only to look, it sleeps again after a turn without work: being awake is for those who have just begun to work.
                if (SleepUntilNews())
                    workedNs = HostClock.NowNs();
            }
            else
            {
                Yield(nowNs);
            }
        }
    }

    // Time enough for one who polls to come in, if it polls on.
    private void LetGo(long nowNs)
    {
        Volatile.Write(ref _isWanted, false);
        while (HostClock.NowNs() - nowNs < LetGoNs && Volatile.Read(ref _drivenNs) < nowNs)
            Thread.SpinWait(1);
    }

    // A longer and longer look away from those who drive all the time. Where cores are few this thread's own look may be what keeps them from
    // driving: only a whole rest without them shows that they stopped.
    private void StandAside()
    {
        long asideNs = AsideNsMin;
        while (!_stopping)
        {
            long restFromNs = HostClock.NowNs();
            if (_rest.Take(asideNs))
                return;
            if (IsDriven(HostClock.NowNs()))
                asideNs = Math.Min(2 * asideNs, AsideNsMax);
            else if (Volatile.Read(ref _drivenNs) > restFromNs)
                asideNs = AsideNsMin;
            else
                return;
        }
    }

    // Where others need the cores, a yield gives a whole slice of time away; one who sleeps gets a core at once when there is news.
    private void Yield(long nowNs)
    {
        Thread.Yield();
        long afterNs = HostClock.NowNs();
        if (afterNs - nowNs > IdleStrategy.PreemptedNs)
            _contendedUntilNs = afterNs + IdleStrategy.ContendedForNs;
    }

    private bool IsContended(long nowNs) => nowNs < _contendedUntilNs;

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
    // wait is bounded. False when it ended by that bound alone.
    private bool SleepUntilNews()
    {
        if (!TryEnter())
            return true;
        bool prepared;
        PreparedWait wait = default;
        try
        {
            prepared = _sleep.TryPrepare();
            if (prepared)
                wait = _sleep.Prepare(AsideNsMax);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
        bool isNews = !prepared || WorkerSleep.Wait(wait);
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
        return isNews;
    }

    /// <summary>Ends the standby thread, after a last turn. Whoever still drives finds nothing to do.</summary>
    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        _stopping = true;
        _rest.End();
        _sleep.Wake();
        if (_standby.IsAlive)
            _standby.Join();

        // Entered and never left: a poller of a closing context may still come by, and must not touch the worker any more.
        while (!TryEnter())
            Thread.Yield();
        _worker.Turn(HostClock.NowNs());
        _sleep.Dispose();
        _rest.Dispose();
    }
}
