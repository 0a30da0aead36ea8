using System.Diagnostics;

namespace RoceEngine.Launching;

/// <summary>
/// A process that this program started: its lines of output, what it said last on standard error, and its end. Closing its standard
/// input asks it to end; it is killed when it does not.
/// </summary>
public sealed class ChildProcess : IAsyncDisposable
{
    /// <summary>How long a child gets to end by itself after its standard input was closed.</summary>
    private static readonly TimeSpan ExitPatience = TimeSpan.FromSeconds(3);

    private readonly Process _process;
    private readonly Task _errorPump;
    private volatile string? _lastError;

    private ChildProcess(string label, Process process)
    {
        Label = label;
        _process = process;
        _errorPump = PumpErrorsAsync();
    }

    /// <summary>What the child is, for messages.</summary>
    public string Label { get; }

    /// <summary>Its process.</summary>
    public int Id => _process.Id;

    /// <summary>Starts a program whose three standard streams are pipes to this process.</summary>
    /// <exception cref="LaunchException">It could not be started.</exception>
    public static ChildProcess Start(string label, ProgramPath program, IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(program.FileName)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (string argument in program.Arguments.Concat(arguments))
            start.ArgumentList.Add(argument);
        try
        {
            return new ChildProcess(label, Process.Start(start)!);
        }
        catch (System.ComponentModel.Win32Exception failure)
        {
            throw new LaunchException($"{label}: '{program.FileName}' cannot be started: {failure.Message}", failure);
        }
    }

    /// <summary>The next line of standard output.</summary>
    /// <exception cref="LaunchException">The child ended, or said nothing for too long.</exception>
    public async Task<string> ReadLineAsync(TimeSpan patience, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(patience);
        try
        {
            return await _process.StandardOutput.ReadLineAsync(limit.Token) ?? throw await EndedAsync();
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new LaunchException($"{Label} (pid {Id}) did not answer within {patience.TotalSeconds:F0} s");
        }
    }

    /// <summary>Writes a line to the child's standard input.</summary>
    /// <exception cref="LaunchException">The child ended.</exception>
    public async Task WriteLineAsync(string line, CancellationToken cancellation)
    {
        try
        {
            await _process.StandardInput.WriteLineAsync(line.AsMemory(), cancellation);
            await _process.StandardInput.FlushAsync(cancellation);
        }
        catch (IOException)
        {
            throw await EndedAsync();
        }
    }

    /// <summary>Reads and drops standard output from now on, so that the child never blocks on a full pipe; fails when the child ends.</summary>
    public async Task WatchAsync(CancellationToken cancellation)
    {
        while (await _process.StandardOutput.ReadLineAsync(cancellation) is not null)
        {
            // What a daemon logs after it is ready is of no interest.
        }

        throw await EndedAsync();
    }

    /// <summary>Fails when the child ends; for one whose standard output others read.</summary>
    public async Task WatchExitAsync(CancellationToken cancellation)
    {
        await _process.WaitForExitAsync(cancellation);
        throw await EndedAsync();
    }

    /// <summary>Asks it to end, waits, and kills it when it does not.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended already.
        }

        using (CancellationTokenSource limit = new(ExitPatience))
        {
            try
            {
                await _process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill();
                await _process.WaitForExitAsync(CancellationToken.None);
            }
        }

        await _errorPump;
        _process.Dispose();
    }

    private async Task<LaunchException> EndedAsync()
    {
        // Standard output can end a moment before the process does; one that lives on without it is of no use either.
        using CancellationTokenSource limit = new(ExitPatience);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
            await _errorPump.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            return new LaunchException($"{Label} (pid {Id}) closed its output");
        }

        string reason = _lastError is { } line ? $": {line}" : "";
        return new LaunchException($"{Label} (pid {Id}) ended with exit code {_process.ExitCode}{reason}");
    }

    private async Task PumpErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            // The frames of a stack trace say less than the line above them.
            if (!string.IsNullOrWhiteSpace(line) && !line.StartsWith("   at ", StringComparison.Ordinal))
                _lastError = line.Trim();
        }
    }
}
