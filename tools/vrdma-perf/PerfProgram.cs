using RoceEngine.Launching;
using RoceEngine.PerfTool.Exchange;
using RoceEngine.PerfTool.Migrating;
using RoceEngine.PerfTool.Options;
using RoceEngine.PerfTool.Report;
using RoceEngine.PerfTool.Running;
using RoceEngine.Verbs;

namespace RoceEngine.PerfTool;

/// <summary>The tool without its process: parses, runs, and turns every expected failure into one line and an exit code.</summary>
internal static class PerfProgram
{
    /// <summary>Everything was as it should be.</summary>
    public const int Success = 0;

    /// <summary>The run failed.</summary>
    public const int Failure = 1;

    /// <summary>A bad flag, address, device or value.</summary>
    public const int Usage = 2;

    /// <summary>How long a client waits for a server that is not there yet.</summary>
    private static readonly TimeSpan s_connectPatience = TimeSpan.FromSeconds(2);

    /// <summary>Runs the tool.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(IReadOnlyList<string> arguments, TextWriter output, TextWriter errors)
    {
        try
        {
            if (CommandLine.Parse(arguments, output).Options is { } options)
                Run(options, output);
            output.Flush();
            return Success;
        }
        catch (InterruptedException exception)
        {
            return Fail(exception.ExitCode, exception);
        }
        catch (UsageException exception)
        {
            return Fail(Usage, exception);
        }
        catch (Exception exception) when (exception is PeerException or VerbsException or LaunchException or IOException or UnauthorizedAccessException)
        {
            return Fail(Failure, exception);
        }

        int Fail(int code, Exception exception)
        {
            output.Flush();
            errors.WriteLine("vrdma-perf: " + exception.Message.ReplaceLineEndings(" "));
            return code;
        }
    }

    private static void Run(PerfOptions options, TextWriter output)
    {
        RequireJsonFolder(options);
        if (options.Pair != PairMode.None)
        {
            PairRunner.Run(options, output);
            return;
        }

        if (options.Migration is not null && !options.IsClient)
        {
            PrivateRun.Run(options, output);
            return;
        }

        TextReport report = new(output, options);
        report.Notices();
        using RdmaContext context = Devices.Open(options);
        if (!options.IsClient)
            report.Waiting();
        using IPeerChannel channel = options.ServerHost is { } host
            ? TcpPeerChannel.Connect(host, options.Port, s_connectPatience)
            : TcpPeerChannel.Accept(options.Port);
        DeviceDrive drive = options.Embedded is not null && !options.UseEvents ? DeviceDrive.Polling : DeviceDrive.Others;
        using DeviceMover? mover = options.Migration is { } plan ? new DeviceMover(context, plan, options.SocketPath) : null;
        new PerfSession(options, options.IsClient, channel, context, drive, report, mover).Run();
    }

    /// <summary>A report that cannot be written must not be found out after the run.</summary>
    private static void RequireJsonFolder(PerfOptions options)
    {
        if (options.JsonFile is null)
            return;
        string path = Path.GetFullPath(options.JsonFile);
        if (Directory.Exists(path) || !Directory.Exists(Path.GetDirectoryName(path)))
            throw new UsageException($"--out_json_file '{options.JsonFile}' is not a file in a folder that exists");
    }
}
