using System.Runtime.InteropServices;

namespace RoceEngine.Launching;

/// <summary>
/// A child that removes a <see cref="Workspace"/> when its parent, killed, cannot: it waits for the end of its standard input, and for the daemons to be
/// gone. The programs that have workspaces lend it their executable, with a first argument that is for this alone.
/// </summary>
public static class WorkspaceKeeper
{
    private const string Verb = "keep-workspace";
    private const int LookMs = 50;

    /// <summary>How long daemons get to end.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Whether a program was started to be the keeper.</summary>
    public static bool IsAskedFor(IReadOnlyList<string> arguments) => arguments is [Verb, _];

    /// <summary>Starts the keeper of a directory.</summary>
    /// <param name="program">Name of the program whose <c>Main</c> knows of the keeper.</param>
    /// <param name="directory">What to remove.</param>
    internal static ChildProcess Start(string program, string directory) => ChildProcess.Start("keeper", ProgramPath.Find(program), [Verb, directory]);

    /// <summary>Is the keeper. Returns the process's exit code.</summary>
    public static int Run(IReadOnlyList<string> arguments)
    {
        string directory = arguments[1];
        if (!Path.GetFileName(directory).StartsWith(Workspace.Prefix, StringComparison.Ordinal))
            return 1;

        // Signals that a terminal sends to all of its processes are the parent's to follow.
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => context.Cancel = true);
        using Stream input = Console.OpenStandardInput();
        Span<byte> ignored = stackalloc byte[256];
        while (input.Read(ignored) > 0)
        {
        }

        long deadline = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (Directory.Exists(directory) && HasSockets(directory) && Environment.TickCount64 < deadline)
            Thread.Sleep(LookMs);
        Workspace.Remove(directory);
        return 0;
    }

    private static bool HasSockets(string directory)
    {
        try
        {
            return Directory.EnumerateFiles(directory, "*.sock").Any();
        }
        catch (IOException)
        {
            return false;
        }
    }
}
