using System.CommandLine;
using RoceEngine.Channel;
using RoceEngine.Launching;
using RoceEngine.Vrdma.Output;

namespace RoceEngine.Vrdma.Commands;

/// <summary><c>vrdma capture</c>: the packets of the attached devices as a pcapng file, until a count, a time, or an interruption.</summary>
internal static class CaptureCommand
{
    private const int FileBufferBytes = 1 << 16;

    public static Command Create()
    {
        Option<string?> file = new("--write", "-w")
        {
            Description = "The pcapng file to write; - for standard output (default: a line per packet).",
            HelpName = "FILE",
            CustomParser = CommonOptions.Word,
        };
        Option<string?> device = new("--device", "-d")
        {
            Description = "Name or address of a device (default: all, those attached later included).",
            HelpName = "DEVICE",
            CustomParser = CommonOptions.Word,
        };
        Option<long?> count = CommonOptions.Count("--count", "-c", "End after so many packets.");
        Option<TimeSpan?> duration = CommonOptions.Seconds("--duration", "End after so many seconds.");
        Option<string?> socket = CommonOptions.Socket();
        Command command = new("capture", "Captures RoCEv2 packets of the attached devices.") { file, device, count, duration, socket };
        command.SetAction(parsed => Run(new CaptureSettings(
            parsed.GetValue(socket), parsed.GetValue(device), parsed.GetValue(file), parsed.GetValue(count), parsed.GetValue(duration))));
        return command;
    }

    private static int Run(CaptureSettings settings)
    {
        using TerminationSignals signals = new();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(signals.Token);
        try
        {
            (CaptureSummary summary, long packets) = DaemonAccess.Ask(settings.SocketPath, daemon => Capture(daemon, settings, stop));
            Console.Error.WriteLine($"vrdma: {packets} packets captured, {summary.Dropped} dropped");
            return ExitCode.Success;
        }
        catch (IOException failure) when (StandardOutput.IsReaderGone(failure))
        {
            return ExitCode.Success;
        }
    }

    private static (CaptureSummary Summary, long Packets) Capture(
        DaemonConnection daemon, CaptureSettings settings, CancellationTokenSource stop)
    {
        _ = DaemonAccess.Select(daemon.ListDevices(), settings.Device, daemon.SocketPath);
        using Stream output = OpenOutput(settings.File);
        using PcapngCounter counter = new(output, settings.PacketsMax ?? long.MaxValue, Begun, stop.Cancel);
        CaptureSummary summary = daemon.Capture(new CaptureRequest { Device = settings.Device }, counter, stop.Token);
        return (summary, counter.Packets);

        // The first bytes of the file come when every packet from then on will be in it.
        void Begun()
        {
            Console.Error.WriteLine($"vrdma: capturing {settings.Device ?? "all devices"} of the daemon at {daemon.SocketPath}; Ctrl-C ends it");
            if (settings.Duration is { } duration)
                stop.CancelAfter(duration);
        }
    }

    private static Stream OpenOutput(string? file)
    {
        if (file is null)
            return new PacketPrinter();
        if (file == "-")
            return StandardOutput.OpenStream();

        try
        {
            return new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.Read, FileBufferBytes);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException($"--write: '{file}' cannot be written: {failure.Message}", ExitCode.Usage, failure);
        }
    }

    private sealed record CaptureSettings(string? SocketPath, string? Device, string? File, long? PacketsMax, TimeSpan? Duration);
}
