namespace RoceEngine.Host;

/// <summary>How much a report matters.</summary>
public enum ReportLevel
{
    Debug,
    Information,
    Warning,
    Error,
}

/// <summary>
/// Where a host tells what happens to it, one line at a time. Called from the conductor's thread and, for a guest's mistakes,
/// from workers: it must not wait.
/// </summary>
public interface IHostReporter
{
    void Report(ReportLevel level, string message);
}

/// <summary>Says nothing.</summary>
public sealed class SilentReporter : IHostReporter
{
    public static SilentReporter Instance { get; } = new();

    public void Report(ReportLevel level, string message)
    {
    }
}
