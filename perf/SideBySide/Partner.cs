namespace RoceEngine.SideBySide;

/// <summary>A second thread that works until told to stop; what it throws comes out at the end.</summary>
internal sealed class Partner : IDisposable
{
    private readonly Thread _thread;
    private volatile bool _stopping;
    private Exception? _failure;

    public Partner(string name, Action<Partner> work)
    {
        _thread = new Thread(() =>
        {
            try
            {
                work(this);
            }
            catch (Exception failure)
            {
                _failure = failure;
            }
        })
        { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <summary>True when the work shall end.</summary>
    public bool IsStopping => _stopping;

    /// <summary>True when the work has ended, on request or by failure.</summary>
    public bool HasEnded => !_thread.IsAlive;

    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
        if (_failure != null)
            throw new InvalidOperationException($"{_thread.Name}: {_failure.Message}", _failure);
    }
}
