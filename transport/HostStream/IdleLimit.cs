namespace RoceEngine.HostStream;

/// <summary>
/// Cancels an operation that makes no progress, or that its caller gives up. One operation at a time; between operations it
/// costs nothing, and an operation that ends in time allocates nothing.
/// </summary>
internal sealed class IdleLimit(TimeSpan timeout)
{
    private CancellationTokenSource _source = new();
    private CancellationTokenRegistration _callerGivesUp;

    /// <summary>How long nothing may happen.</summary>
    public TimeSpan Timeout => timeout;

    /// <summary>For all waiting of the operation under way.</summary>
    public CancellationToken Token => _source.Token;

    public void Begin(CancellationToken caller)
    {
        _callerGivesUp = caller.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _source);
        _source.CancelAfter(timeout);
    }

    /// <summary>There was progress: the time starts again.</summary>
    public void Progress() => _source.CancelAfter(timeout);

    public void End()
    {
        _callerGivesUp.Dispose();
        if (_source.TryReset())
            return;
        _source.Dispose();
        _source = new CancellationTokenSource();
    }
}
