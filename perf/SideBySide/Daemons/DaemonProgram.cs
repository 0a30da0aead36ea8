using RoceEngine.Vrdmad;

namespace RoceEngine.SideBySide.Daemons;

/// <summary>The daemon, word for word, in a process that at its end tells how often the garbage collector ran.</summary>
internal static class DaemonProgram
{
    public const string CommandName = "daemon";

    public static int Run(string[] arguments)
    {
        int exitCode = DaemonCommand.RunAsync(arguments).GetAwaiter().GetResult();
        Console.WriteLine($"collections {GC.CollectionCount(0)}");
        return exitCode;
    }
}
