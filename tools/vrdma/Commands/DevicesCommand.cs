using System.CommandLine;
using System.Globalization;
using RoceEngine.Channel;
using RoceEngine.Vrdma.Output;

namespace RoceEngine.Vrdma.Commands;

/// <summary><c>vrdma devices</c>: the devices that are attached to a daemon, one per line, as ibv_devices does for a machine.</summary>
internal static class DevicesCommand
{
    public static Command Create()
    {
        Option<string?> socket = CommonOptions.Socket();
        Option<bool> json = CommonOptions.Json("Print one JSON document.");
        Command command = new("devices", "Lists the devices that are attached to a daemon.") { socket, json };
        command.SetAction(parsed => Run(parsed.GetValue(socket), parsed.GetValue(json)));
        return command;
    }

    private static int Run(string? socketPath, bool asJson)
    {
        (DaemonInfo info, IReadOnlyList<DeviceSummary> devices, string path) =
            DaemonAccess.Ask(socketPath, daemon => (daemon.GetInfo(), daemon.ListDevices(), daemon.SocketPath));
        if (asJson)
        {
            JsonOutput.WriteDocument(writer => JsonOutput.WriteDevices(writer, path, info, devices));
            return ExitCode.Success;
        }

        if (devices.Count == 0)
        {
            Console.Out.WriteLine($"no devices are attached to the daemon at {path}");
            return ExitCode.Success;
        }

        TextTable table = new(
            new("device"), new("address"), new("state"), new("pid", true), new("uid", true), new("worker", true),
            new("QPs", true), new("CQs", true), new("MRs", true), new("MWs", true), new("SRQs", true), new("RAM", true), new("uptime (s)", true));
        foreach (DeviceSummary device in devices)
        {
            table.AddRow(
                device.Name,
                device.Address,
                device.State,
                Number(device.ProcessId),
                Number(device.UserId),
                Number(device.Worker),
                Number(device.QueuePairs),
                Number(device.CompletionQueues),
                Number(device.MemoryRegions),
                Number(device.MemoryWindows),
                Number(device.SharedReceiveQueues),
                Readable.Bytes(device.GuestRamBytes),
                (device.UptimeMs / 1000.0).ToString("F1", CultureInfo.InvariantCulture));
        }

        table.Write();
        return ExitCode.Success;
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
