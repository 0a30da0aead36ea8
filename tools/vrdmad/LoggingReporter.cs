using Microsoft.Extensions.Logging;
using RoceEngine.Host;

namespace RoceEngine.Vrdmad;

/// <summary>Gives the host's reports to the log. The console logger queues, so that nobody waits for a terminal.</summary>
internal sealed partial class LoggingReporter(ILogger logger) : IHostReporter
{
    public void Report(ReportLevel level, string message) => Write(ToLogLevel(level), message);

    [LoggerMessage(EventId = 1, Message = "{Message}")]
    private partial void Write(LogLevel level, string message);

    private static LogLevel ToLogLevel(ReportLevel level) => level switch
    {
        ReportLevel.Debug => LogLevel.Debug,
        ReportLevel.Information => LogLevel.Information,
        ReportLevel.Warning => LogLevel.Warning,
        _ => LogLevel.Error,
    };
}
