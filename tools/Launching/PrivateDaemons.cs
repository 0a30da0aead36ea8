using System.Net;
using RoceEngine.Channel;
using RoceEngine.HostStream;

namespace RoceEngine.Launching;

/// <summary>
/// Daemons of this program alone, which can move devices to each other: sockets, certificates and notes in a directory of their own. All of it is gone
/// when this is disposed of, and soon after this process ends in any other way.
/// </summary>
public sealed class PrivateDaemons : IAsyncDisposable
{
    private static readonly IPAddress Host = IPAddress.Loopback;

    private readonly Workspace _workspace = new();
    private readonly List<DaemonProcess> _daemons = [];
    private ChildProcess? _keeper;

    private PrivateDaemons()
    {
    }

    /// <summary>Where they have their files.</summary>
    public string Directory => _workspace.Directory;

    /// <summary>Makes ready for daemons of these names.</summary>
    /// <param name="program">Name of this program, which calls <see cref="WorkspaceKeeper.Run"/> when it is asked to.</param>
    /// <param name="names">Of the daemons to come.</param>
    /// <exception cref="LaunchException">The directory cannot be made or kept.</exception>
    public static PrivateDaemons Create(string program, params IReadOnlyList<string> names)
    {
        PrivateDaemons daemons = new();
        try
        {
            _ = HostCertificates.Write(daemons.Directory, [.. names.Select(name => new HostIdentity(name, Host.ToString()))]);
            daemons._keeper = WorkspaceKeeper.Start(program, daemons.Directory);
            return daemons;
        }
        catch (Exception failure)
        {
            daemons._workspace.Dispose();
            if (failure is HostStreamException)
                throw new LaunchException(failure.Message, failure);
            throw;
        }
    }

    /// <summary>Starts one of them and waits until it is ready.</summary>
    /// <exception cref="LaunchException">It ended, or was not ready in time.</exception>
    public async Task<DaemonProcess> StartAsync(string name, IPAddress address, CancellationToken cancellation)
    {
        string[] options =
        [
            "--migrate-listen", $"{Host}:0", "--state-dir", Directory,
            "--tls-ca", Path.Combine(Directory, "ca.pem"),
            "--tls-cert", Path.Combine(Directory, $"{name}.pem"),
            "--tls-key", Path.Combine(Directory, $"{name}-key.pem"),
        ];
        DaemonProcess daemon = await DaemonProcess.StartAsync(Path.Combine(Directory, $"{name}.sock"), [address], cancellation, options).ConfigureAwait(false);
        _daemons.Add(daemon);
        return daemon;
    }

    /// <summary>Moves a device from one daemon to another.</summary>
    /// <param name="socketPath">The daemon that has it.</param>
    /// <param name="device">Its name or address.</param>
    /// <param name="to">Where the other daemon takes devices.</param>
    /// <param name="memory">How guest memory gets there: auto, copy or share.</param>
    /// <param name="cancellation">Calls it off.</param>
    /// <exception cref="ChannelException">It did not move; the message says why.</exception>
    public static MigrationReport Move(string socketPath, string device, IPEndPoint to, string memory, CancellationToken cancellation)
    {
        using DaemonConnection connection = DaemonConnection.Open(socketPath);
        MigrateRequest request = new() { Device = device, Host = to.Address.ToString(), Port = to.Port, Memory = memory };
        return connection.Migrate(request, progress: null, cancellation);
    }

    /// <summary>Ends all of them.</summary>
    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_daemons.Select(daemon => daemon.DisposeAsync().AsTask())).ConfigureAwait(false);
        _workspace.Dispose();
        if (_keeper is not null)
            await _keeper.DisposeAsync().ConfigureAwait(false);
    }
}
