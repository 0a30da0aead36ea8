using System.Globalization;
using RoceEngine.Channel;

namespace Migration.Tests;

/// <summary>A daemon process that devices come to and go from.</summary>
internal sealed class Daemon : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("vrdma-").FullName;

    public Daemon(string address, params string[] more)
        : this([], address, ["--migrate-listen", "127.0.0.1:0", "--insecure-migration", .. more])
    {
    }

    /// <param name="inside">A command that runs the program, or nothing.</param>
    /// <param name="address">Of its guests.</param>
    /// <param name="more">Options about migrations, and others.</param>
    public Daemon(string[] inside, string address, string[] more)
    {
        SocketPath = Path.Combine(_directory, "d.sock");
        string[] program = [.. inside, Path.Combine(AppContext.BaseDirectory, "vrdmad")];
        string[] state = more.Contains("--state-dir") ? [] : ["--state-dir", _directory];
        Process = new Child(program[0], [.. program[1..], "--socket", SocketPath, "--address", address, "--exit-with-stdin", .. state, .. more]);
        string ready = Process.ReadLine();
        if (ready.Contains(" migrate=", StringComparison.Ordinal))
            Port = int.Parse(ready[(ready.LastIndexOf(':') + 1)..], CultureInfo.InvariantCulture);
    }

    /// <summary>A daemon in a network of its own, where every address is free: as good as another machine, but for the files. Needs root.</summary>
    public static Daemon InAnotherNetwork(string address, params string[] more) => new(
        ["/usr/bin/unshare", "--net", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""],
        address,
        ["--migrate-listen", "127.0.0.1:0", "--insecure-migration", .. more]);

    public Child Process { get; }

    public string SocketPath { get; }

    /// <summary>Where devices come in.</summary>
    public int Port { get; }

    public string[] Devices()
    {
        using DaemonConnection connection = DaemonConnection.Open(SocketPath);
        return [.. connection.ListDevices().Select(device => device.Name)];
    }

    public DeviceReport Report(string device)
    {
        using DaemonConnection connection = DaemonConnection.Open(SocketPath);
        return connection.GetStatistics(device).Single();
    }

    /// <summary>Has a device go to another daemon. The patience is that of a busy machine, unless a test is about it.</summary>
    public MigrationReport Send(string device, int port, string memory = "share", int patienceMs = 10_000, string host = "127.0.0.1", bool insecure = true, CancellationToken cancellation = default)
    {
        using DaemonConnection connection = DaemonConnection.Open(SocketPath);
        return connection.Migrate(
            new MigrateRequest { Device = device, Host = host, Port = port, IsInsecure = insecure, Memory = memory, PatienceMs = patienceMs },
            progress: null,
            cancellation);
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
