using System.Runtime.InteropServices;

namespace RoceEngine.Launching;

/// <summary>Turns SIGINT, SIGTERM and SIGHUP into a cancellation, and remembers which it was.</summary>
public sealed class TerminationSignals : IDisposable
{
    /// <summary>Exit code of a program that SIGINT ended, as a shell reports it.</summary>
    public const int Interrupted = 130;

    /// <summary>Exit code of a program that SIGTERM or SIGHUP ended.</summary>
    public const int Terminated = 143;

    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;
    private volatile int _exitCode;

    public TerminationSignals() => _registrations =
    [
        Register(PosixSignal.SIGINT, Interrupted),
        Register(PosixSignal.SIGTERM, Terminated),
        Register(PosixSignal.SIGHUP, Terminated),
    ];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>The exit code that tells a shell which signal came first; 0 when none did.</summary>
    public int ExitCode => _exitCode;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
        _source.Dispose();
    }

    private PosixSignalRegistration Register(PosixSignal signal, int exitCode) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        if (Interlocked.CompareExchange(ref _exitCode, exitCode, 0) == 0)
            _source.Cancel();
    });
}
