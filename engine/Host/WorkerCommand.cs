namespace RoceEngine.Host;

/// <summary>Something that must happen on a worker's thread, between two turns.</summary>
public sealed class WorkerCommand
{
    private readonly Action<Worker, long> _action;
    private readonly Action<WorkerCommand>? _onCompleted;
    private volatile bool _isCompleted;

    /// <param name="action">Runs on the worker's thread; gets the worker and the turn's time.</param>
    /// <param name="onCompleted">Runs on the worker's thread afterwards, also when the action failed. Must not wait.</param>
    public WorkerCommand(Action<Worker, long> action, Action<WorkerCommand>? onCompleted = null)
    {
        _action = action;
        _onCompleted = onCompleted;
    }

    /// <summary>Everything stands still until it is done: the worker's thread goes before all others meanwhile, and to the end of its turn, where that may be.</summary>
    public bool IsUrgent { get; init; }

    /// <summary>True when the action has run.</summary>
    public bool IsCompleted => _isCompleted;

    /// <summary>What the action threw.</summary>
    public Exception? Error { get; private set; }

    internal void Execute(Worker worker, long nowNs)
    {
        try
        {
            _action(worker, nowNs);
        }
        catch (Exception e)
        {
            Error = e;
        }
        _isCompleted = true;
        _onCompleted?.Invoke(this);
    }
}
