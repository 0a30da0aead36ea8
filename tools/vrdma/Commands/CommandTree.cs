using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net.Sockets;
using RoceEngine.Vrdma.Output;

namespace RoceEngine.Vrdma.Commands;

/// <summary>
/// All commands of <c>vrdma</c>, and the rules that they share: a bad value gives one line on standard error and exit code 2, a
/// failure one line and exit code 1, never a stack trace.
/// </summary>
internal static class CommandTree
{
    public static async Task<int> RunAsync(string[] args)
    {
        // An argument that begins with '@' is a file name here, not a response file.
        ParserConfiguration parser = new() { ResponseFileTokenReplacer = null };
        ParseResult parsed = Create().Parse(args, parser);
        if (parsed.Errors.Count > 0)
            return Fail(UsageMessage(parsed, args), ExitCode.Usage);

        // Each command that lives long handles the termination signals itself.
        InvocationConfiguration invocation = new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
        try
        {
            return await parsed.InvokeAsync(invocation);
        }
        catch (CommandException failure)
        {
            return Fail(failure.Message, failure.ExitCode);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or SocketException)
        {
            return Fail(failure.Message, ExitCode.Failure);
        }
    }

    internal static RootCommand Create()
    {
        RootCommand root = new("Controls and shows paravirtual RDMA devices.")
        {
            DemoCommand.Create(),
            DevicesCommand.Create(),
            DevInfoCommand.Create(),
            StatCommand.Create(),
            MigrateCommand.Create(),
            SnapshotCommand.Create(),
            RestoreCommand.Create(),
            RestoreCommand.CreateRelease(),
            RestoreCommand.CreateRollback(),
            CertsCommand.Create(),
            CaptureCommand.Create(),
            DecodeCommand.Create(),
            ExplainCommand.Create(),
            RunCommand.Create(),
            GuestCommand.Create(),
        };
        return root;
    }

    private static string UsageMessage(ParseResult parsed, string[] args)
    {
        if (args.Length == 0)
            return "a command is required: demo, run, devices, devinfo, stat, migrate, snapshot, restore, release, certs, capture, decode or explain (see vrdma --help)";

        // One mistake can be reported in several ways: best by the option that was mistyped, else by the word.
        return (FirstError("'-") ?? FirstError("'") ?? parsed.Errors[0]).Message;

        ParseError? FirstError(string quoting) => parsed.Errors.FirstOrDefault(e => e.Message.Contains(quoting, StringComparison.Ordinal));
    }

    private static int Fail(string message, int exitCode)
    {
        Console.Error.WriteLine($"vrdma: {Readable.OneLine(message)}");
        return exitCode;
    }
}
