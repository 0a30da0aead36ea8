using System.Globalization;
using System.Text.Json;
using RoceEngine.Channel;

namespace RoceEngine.Vrdma.Output;

/// <summary>What a migration amounted to, for people and as JSON.</summary>
internal static class MigrationOutput
{
    public static void Write(MigrationReport report)
    {
        Line("device", $"{report.Device} ({report.Address}), {report.QueuePairs} queue pairs, {Readable.Bytes(report.GuestRamBytes)} of guest memory");
        Line("went to", $"{report.Host} ({report.Peer}), where its name is {report.NameThere}");
        Line("memory", report.Memory == "copy"
            ? $"copied in {report.Rounds.Count} rounds: {string.Join(", ", report.Rounds.Select(Mebibytes))} MiB; the last one while the device stood still"
            : "taken along by the guest");
        Line("sent", $"{Mebibytes(report.BytesSent)} MiB in all, {Readable.Bytes(report.DeviceStateBytes)} of them the device's state");
        Line("blackout", string.Create(CultureInfo.InvariantCulture, $"{report.BlackoutMs:F2} ms"));
        if (report.LatePackets > 0)
            Line("late", string.Create(CultureInfo.InvariantCulture, $"{report.LatePackets} packets came after the device had stopped; their senders send them again"));
        Line("phases", string.Join(", ", report.Phases.Select(phase => string.Create(CultureInfo.InvariantCulture, $"{phase.Name} {phase.Milliseconds:F2}"))) + " ms");
        Line("total", string.Create(CultureInfo.InvariantCulture, $"{report.TotalMs:F1} ms"));
    }

    public static void Write(Utf8JsonWriter writer, MigrationReport report)
    {
        writer.WriteStartObject();
        writer.WriteString("device", report.Device);
        writer.WriteString("name_there", report.NameThere);
        writer.WriteString("address", report.Address);
        writer.WriteString("host", report.Host);
        writer.WriteString("peer", report.Peer);
        writer.WriteString("memory", report.Memory);
        writer.WriteNumber("queue_pairs", report.QueuePairs);
        writer.WriteNumber("guest_ram_bytes", report.GuestRamBytes);
        writer.WriteNumber("bytes_sent", report.BytesSent);
        writer.WriteNumber("device_state_bytes", report.DeviceStateBytes);
        writer.WriteStartArray("rounds_bytes");
        foreach (long round in report.Rounds)
            writer.WriteNumberValue(round);
        writer.WriteEndArray();
        writer.WriteNumber("blackout_ms", Math.Round(report.BlackoutMs, 4));
        writer.WriteNumber("total_ms", Math.Round(report.TotalMs, 4));
        writer.WriteNumber("late_packets", report.LatePackets);
        writer.WriteStartObject("phases_ms");
        foreach (PhaseTime phase in report.Phases)
            writer.WriteNumber(phase.Name, Math.Round(phase.Milliseconds, 4));
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static string Mebibytes(long bytes) => (bytes / 1048576.0).ToString("F2", CultureInfo.InvariantCulture);

    private static void Line(string what, string value) => Console.Out.WriteLine($"{what,-9} {value}");
}
