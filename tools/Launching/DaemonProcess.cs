using System.Net;

namespace RoceEngine.Launching;

/// <summary>A host daemon that this program started.</summary>
public sealed class DaemonProcess : IAsyncDisposable
{
    private const string ReadyPrefix = "vrdmad ready";
    private const string MigrationPrefix = "migrate=";

    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);

    private readonly ChildProcess _process;

    private DaemonProcess(ChildProcess process, string socketPath, IPEndPoint? migrationEndPoint)
    {
        _process = process;
        SocketPath = socketPath;
        MigrationEndPoint = migrationEndPoint;
    }

    /// <summary>Where it takes devices from other daemons; null when it takes none.</summary>
    public IPEndPoint? MigrationEndPoint { get; }

    /// <summary>Where guests find it.</summary>
    public string SocketPath { get; }

    /// <summary>Its process.</summary>
    public int Id => _process.Id;

    /// <summary>Starts a daemon and waits until it is ready.</summary>
    /// <param name="socketPath">Where guests shall find it.</param>
    /// <param name="addresses">Of its devices.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="options">More of its command line.</param>
    /// <exception cref="LaunchException">It ended, or was not ready in time.</exception>
    public static async Task<DaemonProcess> StartAsync(
        string socketPath, IReadOnlyList<IPAddress> addresses, CancellationToken cancellation, IReadOnlyList<string>? options = null)
    {
        List<string> arguments = ["--socket", socketPath, "--exit-with-stdin", .. options ?? []];
        foreach (IPAddress address in addresses)
            arguments.AddRange(["--address", address.ToString()]);
        ChildProcess process = ChildProcess.Start($"daemon {string.Join(", ", addresses)}", ProgramPath.Find("vrdmad"), arguments);
        try
        {
            string line;
            do
                line = await process.ReadLineAsync(StartPatience, cancellation);
            while (!line.StartsWith(ReadyPrefix, StringComparison.Ordinal));
            string? migration = line.Split(' ').FirstOrDefault(word => word.StartsWith(MigrationPrefix, StringComparison.Ordinal));
            return new DaemonProcess(process, socketPath, migration is null ? null : IPEndPoint.Parse(migration[MigrationPrefix.Length..]));
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    /// <summary>Completes, with the failure, when the daemon ends.</summary>
    public Task WatchAsync(CancellationToken cancellation) => _process.WatchAsync(cancellation);

    /// <summary>Has it end, and waits for that.</summary>
    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
