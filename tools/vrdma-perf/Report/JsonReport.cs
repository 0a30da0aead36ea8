using System.Text.Json;
using RoceEngine.Launching;
using RoceEngine.PerfTool.Migrating;
using RoceEngine.PerfTool.Options;
using RoceEngine.PerfTool.Statistics;

namespace RoceEngine.PerfTool.Report;

/// <summary>
/// The JSON report with perftest's keys: <c>test_info</c>, and <c>results</c>, an object, or with <c>-a</c> an array with
/// one for each size. Always valid; the file appears at once and whole.
/// </summary>
internal sealed class JsonReport(PerfOptions options, DeviceFacts device, bool isClient)
{
    private readonly List<Action<Utf8JsonWriter>> _results = [];

    /// <summary>What came of the device's moves, if it was to move.</summary>
    public MigrationResult? Migration { get; set; }

    /// <summary>Adds a bandwidth run.</summary>
    public void Add(BandwidthResult result, double cpuPercent) => _results.Add(json =>
    {
        double average = TextColumns.InUnit(result.AverageBytesPerSecond, options.Gigabits);
        int decimals = options.Gigabits && average < 0.1 ? 6 : 2;
        json.WriteNumber("MsgSize", result.SizeBytes);
        json.WriteNumber("n_iterations", result.Iterations);
        WriteFixed(json, "BW_peak", TextColumns.InUnit(result.PeakBytesPerSecond, options.Gigabits), decimals);
        WriteFixed(json, "BW_average", average, decimals);
        WriteFixed(json, "MsgRate", result.MessagesPerSecond / 1e6, 6);
        WriteUtilization(json, cpuPercent);
    });

    /// <summary>Adds a latency run; one by duration also says its rate.</summary>
    public void Add(LatencyResult result, double cpuPercent) => _results.Add(json =>
    {
        json.WriteNumber("MsgSize", result.SizeBytes);
        json.WriteNumber("n_iterations", result.Iterations);
        WriteFixed(json, "t_min", result.MinimumUs, 2);
        WriteFixed(json, "t_max", result.MaximumUs, 2);
        WriteFixed(json, "t_typical", result.TypicalUs, 2);
        WriteFixed(json, "t_avg", result.AverageUs, 2);
        WriteFixed(json, "t_stdev", result.DeviationUs, 2);
        WriteFixed(json, "percentile_99", result.Percentile99Us, 2);
        WriteFixed(json, "percentile_99.9", result.Percentile999Us, 2);
        if (result.TransactionsPerSecond is { } rate)
            WriteFixed(json, "tps_average", rate, 2);
        WriteUtilization(json, cpuPercent);
    });

    /// <summary>The whole report as UTF-8.</summary>
    public byte[] ToBytes()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            WriteTestInfo(json);
            WriteResults(json);
            if (Migration is { } migration)
                WriteMigration(json, migration);
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    /// <summary>Writes the report beside its place and then moves it there, so that no reader sees half of it.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path)
    {
        string full = Path.GetFullPath(path);
        string temporary = $"{full}.{Environment.ProcessId}.tmp";
        try
        {
            File.WriteAllBytes(temporary, ToBytes());
            File.Move(temporary, full, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private void WriteTestInfo(Utf8JsonWriter json)
    {
        json.WriteStartObject("test_info");
        json.WriteString("test", Preamble.Title(options, '_'));
        if (options.UseEvents)
            json.WriteString("Test with events", $"Using_{device.DeviceName}_comp0");
        json.WriteString("Dual_port", "OFF");
        json.WriteString("Device", device.DeviceName);
        json.WriteNumber("Number_of_qps", options.QueuePairs);
        json.WriteString("Transport_type", "IB");
        json.WriteString("Connection_type", options.Connection.ToString());
        json.WriteString("Using_SRQ", options.UseSharedReceiveQueue ? "ON" : "OFF");
        json.WriteString("PCIe_relax_order", "Unsupported");
        json.WriteString("ibv_wr_API", "OFF");
        if (isClient || options.Bidirectional)
            json.WriteNumber("TX_depth", options.SendDepth);
        if (options.PostList > 1)
            json.WriteNumber("Post_List", options.PostList);
        if (options.Test.UsesReceives && (!isClient || options.Bidirectional))
            json.WriteNumber("RX_depth", options.ReceiveDepth);
        if (options.Test.IsBandwidth)
            json.WriteNumber("CQ_Moderation", options.CompletionModeration);
        json.WriteNumber("Mtu", device.MtuBytes);
        json.WriteString("Link_type", "Ethernet");
        json.WriteNumber("GID_index", options.GidIndex);
        if (options.Test.IsResponse)
            json.WriteNumber("Outstand_reads", device.OutstandingReads);
        else
            json.WriteNumber("Max_inline_data", device.InlineBytes);
        json.WriteString("rdma_cm_QPs", "OFF");
        json.WriteString("Data_ex_method", "Ethernet");
        if (options.Test.IsBandwidth)
            json.WriteString("BW_unit", options.Gigabits ? "Gb/sec" : "MiB/sec");
        json.WriteEndObject();
    }

    private void WriteResults(Utf8JsonWriter json)
    {
        json.WritePropertyName("results");
        if (options.AllSizes)
            json.WriteStartArray();
        foreach (Action<Utf8JsonWriter> result in _results)
        {
            json.WriteStartObject();
            result(json);
            json.WriteEndObject();
        }

        if (options.AllSizes)
            json.WriteEndArray();
    }

    private void WriteMigration(Utf8JsonWriter json, MigrationResult migration)
    {
        json.WriteStartObject("migration");
        json.WriteNumber("every_ms", options.Migration!.Period.TotalMilliseconds);
        json.WriteNumber("moves", migration.Moves.Count);
        json.WriteNumber("failed", migration.Failures.Count);
        json.WriteStartArray("failures");
        foreach (string failure in migration.Failures)
            json.WriteStringValue(failure);
        json.WriteEndArray();
        WriteSpread(json, "blackout_ms", migration.Blackout);
        WriteSpread(json, "gap_ms", migration.Gap);
        WriteSpread(json, "steady_gap_ms", migration.SteadyGap);
        json.WriteStartObject("phases_median_ms");
        foreach (PhaseMedian phase in migration.Phases)
            WriteFixed(json, phase.Name, phase.MedianMs, 3);
        json.WriteEndObject();
        string rate = MigrationTable.RateName(options, '_');
        WriteFixed(json, rate + "_without_moves", MigrationTable.Rate(migration.SteadyRate, options), 2);
        WriteFixed(json, rate + "_with_moves", MigrationTable.Rate(migration.MovingRate, options), 2);
        json.WriteStartArray("each");
        foreach (MoveRecord move in migration.Moves)
            WriteMove(json, move);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteMove(Utf8JsonWriter json, MoveRecord move)
    {
        json.WriteStartObject();
        json.WriteString("from", move.From);
        json.WriteString("to", move.To);
        json.WriteString("memory", move.Report.Memory);
        WriteFixed(json, "blackout_ms", move.Report.BlackoutMs, 3);
        WriteFixed(json, "total_ms", move.Report.TotalMs, 3);
        json.WriteNumber("bytes_sent", move.Report.BytesSent);
        json.WriteEndObject();
    }

    private static void WriteSpread(Utf8JsonWriter json, string name, Spread spread)
    {
        json.WriteStartObject(name);
        WriteFixed(json, "median", spread.Median, 3);
        WriteFixed(json, "max", spread.Largest, 3);
        json.WriteEndObject();
    }

    private void WriteUtilization(Utf8JsonWriter json, double cpuPercent)
    {
        if (options.CpuUtilization)
            WriteFixed(json, "CPU_util", cpuPercent, 2);
    }

    /// <summary>The digits that the text report shows; JSON has no infinity, so what is none becomes 0.</summary>
    private static void WriteFixed(Utf8JsonWriter json, string name, double value, int decimals)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(CFormat.Fixed(double.IsFinite(value) ? value : 0, decimals));
    }
}
