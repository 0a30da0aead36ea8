using System.Net;

namespace RoceEngine.Vrdma.Demo;

/// <summary>A host daemon that the demo started.</summary>
internal sealed class DaemonProcess : IAsyncDisposable
{
    private const string ReadyPrefix = "vrdmad ready";

    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);

    private readonly ChildProcess _process;

    private DaemonProcess(ChildProcess process, string socketPath)
    {
        _process = process;
        SocketPath = socketPath;
    }

    public string SocketPath { get; }

    public int Id => _process.Id;

    /// <summary>Starts a daemon and waits until it is ready.</summary>
    /// <exception cref="DemoException">It ended, or was not ready in time.</exception>
    public static async Task<DaemonProcess> StartAsync(string socketPath, IReadOnlyList<IPAddress> addresses, CancellationToken cancellation)
    {
        List<string> arguments = ["--socket", socketPath, "--exit-with-stdin"];
        foreach (IPAddress address in addresses)
            arguments.AddRange(["--address", address.ToString()]);
        ChildProcess process = ChildProcess.Start($"daemon {string.Join(", ", addresses)}", ProgramPath.Find("vrdmad"), arguments);
        try
        {
            while (!(await process.ReadLineAsync(StartPatience, cancellation)).StartsWith(ReadyPrefix, StringComparison.Ordinal))
            {
                // A log line.
            }

            return new DaemonProcess(process, socketPath);
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    /// <summary>Completes, with the failure, when the daemon ends.</summary>
    public Task WatchAsync(CancellationToken cancellation) => _process.WatchAsync(cancellation);

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
