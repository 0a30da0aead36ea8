using System.Net;
using RoceEngine.Host;
using RoceEngine.HostStream;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace RoceEngine.Host.Tests;

/// <summary>A daemon inside the test's process, with what it reported.</summary>
internal sealed class TestDaemon : IHostReporter, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("vrdma-").FullName;
    private readonly List<string> _reports = [];
    private readonly RdmaHost _host;

    public TestDaemon(string[] addresses, int workers = 1, long guestRamBytesMax = 1L << 30, StreamSecurity? security = null, double loss = 0)
    {
        SocketPath = Path.Combine(_directory, "d.sock");
        _host = RdmaHost.Start(
            new HostOptions
            {
                Addresses = [.. addresses.Select(address => Gid.From(IPAddress.Parse(address)))],
                SocketPath = SocketPath,
                WorkerCount = workers,
                GuestRamBytesMax = guestRamBytesMax,
                MigrationEndPoint = new IPEndPoint(IPAddress.Loopback, 0),
                MigrationSecurity = security,
                AllowsInsecureMigration = security is null,
                Link = new UdpLinkOptions { LossRate = loss },
                Version = "test",
            },
            this);
    }

    public string SocketPath { get; }

    /// <summary>Where other daemons bring devices.</summary>
    public int MigrationPort => _host.MigrationEndPoint!.Port;

    public string[] Reports
    {
        get
        {
            lock (_reports)
                return [.. _reports];
        }
    }

    public void Report(ReportLevel level, string message)
    {
        lock (_reports)
            _reports.Add($"{level}: {message}");
    }

    /// <summary>Stops the daemon, as SIGTERM does.</summary>
    public void Stop() => _host.Dispose();

    public void Dispose()
    {
        _host.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
