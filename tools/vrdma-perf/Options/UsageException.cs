namespace RoceEngine.PerfTool.Options;

/// <summary>A bad flag, address, device or value: one line for the user and exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
