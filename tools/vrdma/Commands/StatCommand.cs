using System.CommandLine;
using System.Globalization;
using RoceEngine.Channel;
using RoceEngine.Launching;
using RoceEngine.Vrdma.Output;
using Spectre.Console;

namespace RoceEngine.Vrdma.Commands;

/// <summary><c>vrdma stat</c>: counters and QPs of the attached devices, once or again and again with rates.</summary>
internal static class StatCommand
{
    public static Command Create()
    {
        Argument<string?> device = CommonOptions.Device("Name or address of a device; all when it is not given.");
        Option<string?> socket = CommonOptions.Socket();
        Option<TimeSpan?> watch = CommonOptions.Seconds("--watch", "Print again every so many seconds, with rates, until interrupted.");
        Option<bool> json = CommonOptions.Json("Print one JSON document; with --watch one per line.");
        Command command = new("stat", "Shows counters and QPs of the attached devices.") { device, socket, watch, json };
        command.SetAction((parsed, _) => RunAsync(
            parsed.GetValue(socket), parsed.GetValue(device), parsed.GetValue(watch), parsed.GetValue(json)));
        return command;
    }

    private static async Task<int> RunAsync(string? socketPath, string? device, TimeSpan? interval, bool asJson)
    {
        using TerminationSignals signals = new();
        Snapshot? before = null;
        while (true)
        {
            Snapshot now = new(DateTimeOffset.UtcNow, DaemonAccess.GetReports(socketPath, device));
            if (asJson && interval is null)
                JsonOutput.WriteDocument(writer => JsonOutput.WriteReports(writer, now.Time, now.Reports));
            else if (asJson)
                JsonOutput.WriteLine(writer => JsonOutput.WriteReports(writer, now.Time, now.Reports));
            else
                WriteText(now, before, interval is not null);

            if (interval is not { } wait)
                return ExitCode.Success;
            try
            {
                await Task.Delay(wait, signals.Token);
            }
            catch (OperationCanceledException)
            {
                return ExitCode.Success;
            }

            before = now;
        }
    }

    private static void WriteText(Snapshot now, Snapshot? before, bool isWatched)
    {
        if (isWatched && !Console.IsOutputRedirected)
            AnsiConsole.Clear();
        if (isWatched)
            Console.Out.WriteLine(now.Time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        if (now.Reports.Count == 0)
            Console.Out.WriteLine("no devices are attached to the daemon");

        foreach (DeviceReport report in now.Reports)
        {
            Console.Out.WriteLine($"{report.Device.Name}  {report.Device.Address}  {report.Device.State}");
            WriteCounters(report, before?.Find(report), before is null ? 0 : (now.Time - before.Time).TotalSeconds);
            WriteQueuePairs(report);
            Console.Out.WriteLine();
        }
    }

    private static void WriteCounters(DeviceReport report, DeviceReport? before, double seconds)
    {
        TextTable table = before is null
            ? new(new TextColumn("counter"), new TextColumn("value", true))
            : new(new TextColumn("counter"), new TextColumn("value", true), new TextColumn("per second", true));
        foreach (CounterValue counter in report.Counters)
        {
            string value = counter.Value.ToString(CultureInfo.InvariantCulture);
            if (before is null)
            {
                table.AddRow(counter.Name, value);
                continue;
            }

            long previous = before.Counters.FirstOrDefault(other => other.Name == counter.Name)?.Value ?? 0;
            table.AddRow(counter.Name, value, ((counter.Value - previous) / seconds).ToString("F1", CultureInfo.InvariantCulture));
        }

        table.Write();
    }

    private static void WriteQueuePairs(DeviceReport report)
    {
        if (report.QueuePairs.Count == 0)
            return;
        TextTable table = new(
            new("QPN", true), new("type"), new("state"), new("MTU", true), new("peer QPN", true), new("peer"));
        foreach (QueuePairReport queuePair in report.QueuePairs)
        {
            table.AddRow(
                QueuePairNumber(queuePair.Number),
                queuePair.Type,
                queuePair.State,
                queuePair.PathMtuBytes.ToString(CultureInfo.InvariantCulture),
                QueuePairNumber(queuePair.DestinationNumber),
                queuePair.Destination);
        }

        table.Write();
    }

    private static string QueuePairNumber(uint number) => string.Create(CultureInfo.InvariantCulture, $"0x{number:x6}");

    /// <summary>What the daemon reported at a moment.</summary>
    private sealed record Snapshot(DateTimeOffset Time, IReadOnlyList<DeviceReport> Reports)
    {
        /// <summary>The same device, not one that took its name later.</summary>
        public DeviceReport? Find(DeviceReport report) => Reports.FirstOrDefault(other =>
            other.Device.Name == report.Device.Name && other.Device.ProcessId == report.Device.ProcessId
            && other.Device.UptimeMs <= report.Device.UptimeMs);
    }
}
