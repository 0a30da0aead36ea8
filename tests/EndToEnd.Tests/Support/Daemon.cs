using System.Net;
using RoceEngine.Channel;
using RoceEngine.Launching;
using RoceEngine.Vrdma.Demo;

namespace EndToEnd.Tests.Support;

/// <summary>A daemon process of a test, on loopback addresses and a socket of its own.</summary>
internal sealed class Daemon : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory;
    private readonly ChildProcess _process;

    private Daemon(TemporaryDirectory directory, ChildProcess process, string socketPath)
    {
        _directory = directory;
        _process = process;
        SocketPath = socketPath;
    }

    public string SocketPath { get; }

    public string Directory => _directory.Path;

    public int Id => _process.Id;

    public static Task<Daemon> StartAsync(params string[] addresses) => StartAsync(ProgramPath.Find("vrdmad"), addresses);

    /// <summary>Starts a daemon by a program that is the daemon or starts it, and waits until it is ready.</summary>
    public static async Task<Daemon> StartAsync(ProgramPath program, string[] addresses, params string[] more)
    {
        TemporaryDirectory directory = new();
        string socketPath = directory.File("d.sock");
        string[] arguments = ["--socket", socketPath, "--exit-with-stdin", .. addresses.SelectMany(a => new[] { "--address", a }), .. more];
        ChildProcess process = ChildProcess.Start("daemon", program, arguments);
        Daemon daemon = new(directory, process, socketPath);
        try
        {
            while (!(await process.ReadLineAsync(Tool.Patience, TestContext.Current.CancellationToken)).StartsWith("vrdmad ready", StringComparison.Ordinal))
            {
            }

            _ = process.WatchAsync(CancellationToken.None).ContinueWith(
                ended => _ = ended.Exception, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            return daemon;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }

    public IReadOnlyList<DeviceSummary> Devices()
    {
        using DaemonConnection connection = DaemonConnection.Open(SocketPath);
        return connection.ListDevices();
    }

    /// <summary>Starts a guest process that is attached to this daemon.</summary>
    public Task<GuestProcess> StartGuestAsync(string address) =>
        GuestProcess.StartAsync(SocketPath, IPAddress.Parse(address), abandonedDirectory: null, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _directory.Dispose();
    }
}
