using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RoceEngine.Host;

namespace RoceEngine.Vrdmad;

/// <summary>Starts and stops the host with its process.</summary>
internal sealed class DaemonService(RoceEngine.Host.HostOptions options, ILoggerFactory loggers) : IHostedService
{
    private readonly LoggingReporter _reporter = new(loggers.CreateLogger("vrdmad"));
    private RdmaHost? _host;

    /// <summary>Where the daemon listens, once started.</summary>
    public string SocketPath => _host?.SocketPath ?? options.SocketPath;

    /// <summary>Where other daemons bring devices; null when they may not.</summary>
    public System.Net.IPEndPoint? MigrationEndPoint => _host?.MigrationEndPoint;

    /// <exception cref="HostStartException">One line that says why it cannot start.</exception>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _host = RdmaHost.Start(options, _reporter);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _reporter.Report(ReportLevel.Information, "stopping");
        _host?.Dispose();
        _reporter.Report(ReportLevel.Information, "stopped");
        return Task.CompletedTask;
    }
}
