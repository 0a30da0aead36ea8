namespace RoceEngine.HostStream;

/// <summary>
/// Cancels an operation that makes no progress, or that its caller gives up. One operation at a time; between operations it
/// costs nothing, and an operation that ends in time allocates nothing.
/// </summary>
internal sealed class IdleLimit(TimeSpan timeout)
{
    private readonly Lock _lock = new();
    private TimeSpan _timeout = timeout;
    private CancellationTokenSource _source = new();
    private CancellationTokenRegistration _callerGivesUp;
    private bool _isUnderWay;

    /// <summary>How long nothing may happen. May be set at any time, from any thread: the operation under way has that much time from then on.</summary>
    public TimeSpan Timeout
    {
        get
        {
            lock (_lock)
                return _timeout;
        }

        set
        {
            lock (_lock)
            {
                _timeout = value;
                if (_isUnderWay)
                    _source.CancelAfter(value);
            }
        }
    }

    /// <summary>For all waiting of the operation under way.</summary>
    public CancellationToken Token => _source.Token;

    public void Begin(CancellationToken caller)
    {
        _callerGivesUp = caller.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _source);
        lock (_lock)
        {
            _isUnderWay = true;
            _source.CancelAfter(_timeout);
        }
    }

    /// <summary>There was progress: the time starts again.</summary>
    public void Progress()
    {
        lock (_lock)
            _source.CancelAfter(_timeout);
    }

    public void End()
    {
        _callerGivesUp.Dispose();
        lock (_lock)
        {
            _isUnderWay = false;
            if (_source.TryReset())
                return;
            _source.Dispose();
            _source = new CancellationTokenSource();
        }
    }
}
