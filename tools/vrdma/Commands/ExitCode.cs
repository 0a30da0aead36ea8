namespace RoceEngine.Vrdma.Commands;

/// <summary>Exit codes of every command.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>The command was understood and failed: no daemon, a refused attach, an unreadable file, a byte that differs.</summary>
    public const int Failure = 1;

    /// <summary>A bad flag, address, device or option value.</summary>
    public const int Usage = 2;
}
