namespace RoceEngine.Vrdma.Commands;

/// <summary>A failure that one line on standard error explains; carries the exit code.</summary>
internal sealed class CommandException(string message, int exitCode = ExitCode.Failure, Exception? inner = null) : Exception(message, inner)
{
    public int ExitCode { get; } = exitCode;
}
