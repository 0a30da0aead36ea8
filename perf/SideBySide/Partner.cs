using RoceEngine.Interop;

namespace RoceEngine.SideBySide;

/// <summary>
/// A second thread that works until told to stop; what it throws comes out at the end. It has a core of its own where there are two:
/// what is measured is two cores, not where the scheduler puts two threads.
/// </summary>
internal sealed class Partner : IDisposable
{
    private static readonly int[] s_cpus = FirstAndLast(Scheduling.GetAllowedCpus());

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

    /// <summary>The CPUs that everything measured runs on: two, where the process was given as many.</summary>
    public static IReadOnlyList<int> Cpus => s_cpus;

    /// <summary>
    /// Lets the calling thread, and what it starts, run on all <see cref="Cpus"/> until the result is disposed of: where there are more parties than
    /// cores the kernel places them.
    /// </summary>
    public static Unpinning Unpin()
    {
        _ = Scheduling.TryPinThread(s_cpus);
        return default;
    }

    /// <summary>Binds the calling thread to the first CPU again when disposed of.</summary>
    public readonly struct Unpinning : IDisposable
    {
        public void Dispose() => PinThread(last: false);
    }

    private static int[] FirstAndLast(int[] cpus) => cpus.Length > 2 ? [cpus[0], cpus[^1]] : cpus;

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
