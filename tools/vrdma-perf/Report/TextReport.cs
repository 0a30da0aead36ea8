using System.Globalization;
using System.Net;
using RoceEngine.PerfTool.Exchange;
using RoceEngine.PerfTool.Migrating;
using RoceEngine.PerfTool.Options;
using RoceEngine.PerfTool.Statistics;

namespace RoceEngine.PerfTool.Report;

/// <summary>The report on standard output, line by line as perftest prints it; with --output only one number per size.</summary>
internal sealed class TextReport(TextWriter output, PerfOptions options)
{
    private readonly List<string> _losses = [];

    private bool IsFull => options is { Output: OutputLevel.Full, JsonOutput: false };

    /// <summary>What came of the device's moves; shown at the end.</summary>
    public MigrationResult? Migration { get; set; }

    /// <summary>Notices about what was changed, before everything else.</summary>
    public void Notices()
    {
        if (!IsFull)
            return;
        foreach (string notice in options.Notices)
        {
            if (!notice.StartsWith(' '))
                output.Write(TextColumns.Separator + "\n");
            output.Write(notice + "\n");
        }
    }

    /// <summary>What a server says until a client is there.</summary>
    public void Waiting()
    {
        if (IsFull)
            output.Write(Preamble.Waiting);
        output.Flush();
    }

    /// <summary>The test's parameters.</summary>
    public void Parameters(DeviceFacts device, bool isClient) => Lines(Preamble.Parameters(options, device, isClient));

    /// <summary>The queue pairs of a side.</summary>
    public void QueuePairs(string side, PeerMessage endpoints, int outstandingReads)
    {
        IPAddress address = IPAddress.Parse(endpoints.DeviceAddress!);
        foreach (PeerQueuePair pair in endpoints.QueuePairs!)
            Lines(Preamble.QueuePair(options.Test, side, pair, address, outstandingReads));
    }

    /// <summary>Separator and column heads, which are seen while the test runs.</summary>
    public void Head()
    {
        Lines([TextColumns.Separator, TextColumns.Head(options)]);
        output.Flush();
    }

    /// <summary>A row, or the one number asked for.</summary>
    public void Result(in BandwidthResult result, double cpuPercent)
    {
        if (options.JsonOutput)
            return;
        output.Write(options.Output switch
        {
            OutputLevel.Bandwidth => CFormat.Fixed(TextColumns.InUnit(result.AverageBytesPerSecond, options.Gigabits), 6),
            OutputLevel.MessageRate => CFormat.Fixed(result.MessagesPerSecond / 1e6, 6),
            _ => TextColumns.Row(result, options, cpuPercent),
        } + "\n");
        output.Flush();
    }

    /// <summary>The samples if asked for, then a row or the one number asked for.</summary>
    public void Result(LatencyResult result, double cpuPercent)
    {
        if (options.JsonOutput)
            return;
        if (!options.IsDuration)
            Samples(result);
        output.Write((options.Output == OutputLevel.Latency ? CFormat.Fixed(result.AverageUs, 6) : TextColumns.Row(result, options, cpuPercent)) + "\n");
        output.Flush();
    }

    /// <summary>Both directions of a bidirectional run on their own.</summary>
    public void Sides(in BandwidthResult own, in BandwidthResult other)
    {
        foreach ((string side, BandwidthResult result) in ((string, BandwidthResult)[])[("Local", own), ("Remote", other)])
        {
            output.Write($"{TextColumns.Separator}\n\n {side} results: \n");
            Head();
            Result(result, 0);
        }
    }

    /// <summary>Says which sizes of a sweep are left out.</summary>
    public void DatagramLimit(int mtuBytes) => Lines([$" Max msg size in UD is MTU {mtuBytes}", " Changing to this MTU"]);

    /// <summary>Keeps for <see cref="Losses"/> what was lost of a size.</summary>
    public void NoteLoss(int sizeBytes, long lost, long sent)
    {
        if (lost > 0)
            _losses.Add(string.Create(CultureInfo.InvariantCulture, $" WARNING: {lost} of {sent} messages of {sizeBytes} bytes were lost ({options.Connection} repeats none)"));
    }

    /// <summary>What was lost, below the rows.</summary>
    public void Losses() => Lines(_losses);

    /// <summary>The last separator.</summary>
    public void End()
    {
        Lines([TextColumns.Separator]);
        if (Migration is { } migration)
            Lines(MigrationTable.Lines(migration, options));
        output.Flush();
    }

    /// <summary>The report as JSON, which is all there is to say with --json.</summary>
    public void Document(ReadOnlySpan<byte> utf8)
    {
        output.Write(System.Text.Encoding.UTF8.GetString(utf8));
        output.Flush();
    }

    private void Samples(LatencyResult result)
    {
        double scale = options.ReportCycles ? CpuFacts.Megahertz : 1;
        if (options.ReportUnsorted)
            Dump(result.UnsortedUs, scale);
        if (options.ReportSorted)
            Dump(result.SortedUs, scale);
        if ((options.ReportUnsorted || options.ReportSorted) && IsFull)
            Head();
    }

    private void Dump(IReadOnlyList<double> samples, double scale)
    {
        output.Write(options.ReportCycles ? "#, cycles\n" : "#, usec\n");
        for (int index = 0; index < samples.Count; index++)
            output.Write(string.Create(CultureInfo.InvariantCulture, $"{index + 1}, {CFormat.General(samples[index] * scale)}\n"));
    }

    private void Lines(IEnumerable<string> lines)
    {
        if (!IsFull)
            return;
        foreach (string line in lines)
            output.Write(line + "\n");
    }
}
