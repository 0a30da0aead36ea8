using RoceEngine.Interop;

namespace RoceEngine.SideBySide;

/// <summary>
/// A second thread that works until told to stop; what it throws comes out at the end. It has a core of its own where there are two:
/// what is measured is two cores, not where the scheduler puts two threads.
/// </summary>
internal sealed class Partner : IDisposable
{
    private static readonly int[] s_cpus = Scheduling.GetAllowedCpus();

    private readonly Thread _thread;
    private volatile bool _stopping;
    private volatile bool _ended;
    private Exception? _failure;

    public Partner(string name, Action<Partner> work)
    {
        _thread = new Thread(() =>
        {
            try
            {
                PinThread(last: true);
                work(this);
            }
            catch (Exception failure)
            {
                _failure = failure;
            }
            _ended = true;
        })
        { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <summary>Binds the calling thread to the first or the last CPU that the process was given.</summary>
    public static void PinThread(bool last)
    {
        if (s_cpus.Length > 1)
            _ = Scheduling.TryPinThread(last ? s_cpus[^1] : s_cpus[0]);
    }

    /// <summary>True when the work shall end.</summary>
    public bool IsStopping => _stopping;

    /// <summary>True when the work has ended, on request or by failure.</summary>
    public bool HasEnded => _ended;

    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
        if (_failure != null)
            throw new InvalidOperationException($"{_thread.Name}: {_failure.Message}", _failure);
    }
}
