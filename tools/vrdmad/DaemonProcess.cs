using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Systemd;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using RoceEngine.Host;

namespace RoceEngine.Vrdmad;

/// <summary>The running daemon: the Generic Host around a <see cref="RdmaHost"/>, so that systemd, SIGTERM and SIGINT work as expected.</summary>
internal static class DaemonProcess
{
    private const int ExitCannotStart = 1;

    public static async Task<int> RunAsync(RoceEngine.Host.HostOptions options, LogLevel logLevel, bool exitWithStdin, CancellationToken cancellation)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = "vrdmad", DisableDefaults = true });
        AddLogging(builder, logLevel);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton<DaemonService>();
        builder.Services.AddHostedService(services => services.GetRequiredService<DaemonService>());
        using IHost host = builder.Build();
        try
        {
            await host.StartAsync(cancellation);
        }
        catch (HostStartException e)
        {
            Console.Error.WriteLine($"vrdmad: {e.Message}");
            return ExitCannotStart;
        }
        string socketPath = host.Services.GetRequiredService<DaemonService>().SocketPath;
        string migration = host.Services.GetRequiredService<DaemonService>().MigrationEndPoint is { } endPoint ? $" migrate={endPoint}" : "";
        Console.WriteLine($"vrdmad ready socket={socketPath} addresses={string.Join(',', options.Addresses)}{migration}");
        if (exitWithStdin)
            StopWithStdin(host.Services.GetRequiredService<IHostApplicationLifetime>());
        await host.WaitForShutdownAsync(cancellation);
        return 0;
    }

    // Whatever the parent does to end, even by SIGKILL, its end of the pipe closes.
    private static void StopWithStdin(IHostApplicationLifetime lifetime)
    {
        var reader = new Thread(() =>
        {
            Stream input = Console.OpenStandardInput();
            Span<byte> ignored = stackalloc byte[256];
            while (input.Read(ignored) > 0)
            {
            }
            lifetime.StopApplication();
        })
        { IsBackground = true, Name = "vrdmad-stdin" };
        reader.Start();
    }

    private static void AddLogging(HostApplicationBuilder builder, LogLevel logLevel)
    {
        builder.Logging.SetMinimumLevel(logLevel);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);

        // A failed start is told in one line by whoever catches it.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        builder.Services.Configure<ConsoleLifetimeOptions>(lifetime => lifetime.SuppressStatusMessages = true);
        if (SystemdHelpers.IsSystemdService())
        {
            builder.Services.AddSystemd();
            builder.Logging.AddSystemdConsole();
        }
        else
        {
            builder.Logging.AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.TimestampFormat = "HH:mm:ss.fff ";
                console.ColorBehavior = LoggerColorBehavior.Disabled;
            });
        }

        // Standard output carries the ready line alone.
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }
}
