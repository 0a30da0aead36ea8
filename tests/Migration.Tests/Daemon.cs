using System.Globalization;
using RoceEngine.Channel;

namespace Migration.Tests;

/// <summary>A daemon process that devices come to and go from.</summary>
internal sealed class Daemon : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("vrdma-").FullName;

    public Daemon(string address, params string[] more)
    {
        SocketPath = Path.Combine(_directory, "d.sock");
        Process = new Child(
            "vrdmad",
            ["--socket", SocketPath, "--address", address, "--migrate-listen", "127.0.0.1:0", "--insecure-migration", "--exit-with-stdin", .. more]);
        string ready = Process.ReadLine();
        Port = int.Parse(ready[(ready.LastIndexOf(':') + 1)..], CultureInfo.InvariantCulture);
    }

    public Child Process { get; }

    public string SocketPath { get; }

    /// <summary>Where devices come in.</summary>
    public int Port { get; }

    public string[] Devices()
    {
        using DaemonConnection connection = DaemonConnection.Open(SocketPath);
        return [.. connection.ListDevices().Select(device => device.Name)];
    }

    public MigrationReport Send(string device, int port)
    {
        using DaemonConnection connection = DaemonConnection.Open(SocketPath);
        return connection.Migrate(
            new MigrateRequest { Device = device, Host = "127.0.0.1", Port = port, IsInsecure = true, Memory = "share" },
            progress: null,
            TestContext.Current.CancellationToken);
    }

    public bool TrySend(string device, int port)
    {
        try
        {
            Send(device, port);
            return true;
        }
        catch (ChannelRefusedException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        Process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
