using System.Globalization;
using System.Text.Json;
using RoceEngine.Channel;

namespace RoceEngine.Vrdma.Output;

/// <summary>What the commands print with <c>--json</c>; names in snake case, as the counters have them.</summary>
internal static class JsonOutput
{
    /// <summary>Writes one indented document to standard output.</summary>
    public static void WriteDocument(Action<Utf8JsonWriter> write) => Write(write, indented: true);

    /// <summary>Writes one document as one line to standard output.</summary>
    public static void WriteLine(Action<Utf8JsonWriter> write) => Write(write, indented: false);

    public static void WriteDevices(Utf8JsonWriter writer, string socketPath, DaemonInfo info, IReadOnlyList<DeviceSummary> devices)
    {
        writer.WriteStartObject();
        writer.WriteStartObject("daemon");
        writer.WriteString("socket", socketPath);
        writer.WriteString("version", info.Version);
        writer.WriteNumber("abi_version", info.AbiVersion);
        writer.WriteNumber("pid", info.ProcessId);
        writer.WriteNumber("workers", info.Workers);
        writer.WriteStartArray("addresses");
        foreach (string address in info.Addresses)
            writer.WriteStringValue(address);
        writer.WriteEndArray();
        writer.WriteNumber("uptime_ms", info.UptimeMs);
        writer.WriteNumber("late_packets", info.LatePackets);
        writer.WriteEndObject();

        writer.WriteStartArray("devices");
        foreach (DeviceSummary device in devices)
        {
            writer.WriteStartObject();
            WriteSummary(writer, device);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    public static void WriteReports(Utf8JsonWriter writer, DateTimeOffset time, IReadOnlyList<DeviceReport> reports)
    {
        writer.WriteStartObject();
        writer.WriteString("time", time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));
        writer.WriteStartArray("devices");
        foreach (DeviceReport report in reports)
            WriteReport(writer, report);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteReport(Utf8JsonWriter writer, DeviceReport report)
    {
        writer.WriteStartObject();
        WriteSummary(writer, report.Device);
        writer.WriteStartObject("counters");
        foreach (CounterValue counter in report.Counters)
            writer.WriteNumber(counter.Name, counter.Value);
        writer.WriteEndObject();
        writer.WriteStartArray("queue_pairs");
        foreach (QueuePairReport queuePair in report.QueuePairs)
        {
            writer.WriteStartObject();
            writer.WriteNumber("number", queuePair.Number);
            writer.WriteString("type", queuePair.Type);
            writer.WriteString("state", queuePair.State);
            writer.WriteNumber("path_mtu_bytes", queuePair.PathMtuBytes);
            writer.WriteNumber("destination_number", queuePair.DestinationNumber);
            writer.WriteString("destination", queuePair.Destination);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteSummary(Utf8JsonWriter writer, DeviceSummary device)
    {
        writer.WriteString("name", device.Name);
        writer.WriteString("address", device.Address);
        writer.WriteString("state", device.State);
        writer.WriteNumber("pid", device.ProcessId);
        writer.WriteNumber("uid", device.UserId);
        writer.WriteNumber("worker", device.Worker);
        writer.WriteNumber("queue_pair_count", device.QueuePairs);
        writer.WriteNumber("completion_queue_count", device.CompletionQueues);
        writer.WriteNumber("memory_region_count", device.MemoryRegions);
        writer.WriteNumber("memory_window_count", device.MemoryWindows);
        writer.WriteNumber("shared_receive_queue_count", device.SharedReceiveQueues);
        writer.WriteNumber("multicast_group_count", device.MulticastGroups);
        writer.WriteNumber("guest_ram_bytes", device.GuestRamBytes);
        writer.WriteNumber("uptime_ms", device.UptimeMs);
    }

    private static void Write(Action<Utf8JsonWriter> write, bool indented)
    {
        using MemoryStream document = new();
        using (Utf8JsonWriter writer = new(document, new JsonWriterOptions { Indented = indented }))
            write(writer);
        Console.Out.WriteLine(System.Text.Encoding.UTF8.GetString(document.GetBuffer().AsSpan(0, (int)document.Length)));
    }
}
