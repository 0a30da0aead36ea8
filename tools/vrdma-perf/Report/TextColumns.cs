using RoceEngine.PerfTool.Options;
using RoceEngine.PerfTool.Statistics;

namespace RoceEngine.PerfTool.Report;

/// <summary>perftest's separators, column heads and rows.</summary>
internal static class TextColumns
{
    private const double BytesPerMebibyte = 1 << 20;
    private const double BytesPerGigabit = 125_000_000;

    /// <summary>The line between the parts of a report: 87 dashes.</summary>
    public static string Separator { get; } = new('-', 87);

    /// <summary>The line of column heads.</summary>
    public static string Head(PerfOptions options)
    {
        string head = options switch
        {
            { Test.IsBandwidth: true, Gigabits: true } => " #bytes     #iterations    BW peak[Gb/sec]    BW average[Gb/sec]   MsgRate[Mpps]",
            { Test.IsBandwidth: true } => " #bytes     #iterations    BW peak[MiB/sec]    BW average[MiB/sec]   MsgRate[Mpps]",
            { IsDuration: true } => " #bytes        #iterations       t_avg[usec]    tps average",
            _ => " #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]    t_stdev[usec]   99% percentile[usec]   99.9% percentile[usec] ",
        };
        return options.CpuUtilization ? head + "    CPU_Util[%]" : head;
    }

    /// <summary>A rate in the unit that the options ask for: MiB/s or Gb/s.</summary>
    public static double InUnit(double bytesPerSecond, bool gigabits) => bytesPerSecond / (gigabits ? BytesPerGigabit : BytesPerMebibyte);

    /// <summary>The row of a bandwidth run; rates below 0.1 Gb/s get six decimals.</summary>
    public static string Row(in BandwidthResult result, PerfOptions options, double cpuPercent)
    {
        double peak = InUnit(result.PeakBytesPerSecond, options.Gigabits);
        double average = InUnit(result.AverageBytesPerSecond, options.Gigabits);
        double millions = result.MessagesPerSecond / 1e6;
        string row = options.Gigabits && average < 0.1
            ? $" {CFormat.Integer(result.SizeBytes, 7)}    {result.Iterations}           {CFormat.Fixed(peak, 6, 7)}            {CFormat.Fixed(average, 6, 7)}            {CFormat.Fixed(millions, 6, 7)}"
            : $" {CFormat.Integer(result.SizeBytes, 7)}    {CFormat.Integer(result.Iterations, 10)}       {CFormat.Fixed(peak, 2, 7)}            {CFormat.Fixed(average, 2, 7)}\t\t     {CFormat.Fixed(millions, 6, 7)}";
        return row + Utilization(options, cpuPercent);
    }

    /// <summary>The row of a latency run.</summary>
    public static string Row(LatencyResult result, PerfOptions options, double cpuPercent)
    {
        string size = CFormat.Integer(result.SizeBytes, 7);
        if (options.IsDuration)
            return $" {size}       {result.Iterations}            {Two(result.AverageUs)}        {Two(result.TransactionsPerSecond ?? 0)}" + Utilization(options, cpuPercent);
        return $" {size} {result.Iterations}          {Two(result.MinimumUs)}        {Two(result.MaximumUs)}      {Two(result.TypicalUs)}  \t       "
            + $"{Two(result.AverageUs)}     \t{Two(result.DeviationUs)}\t\t{Two(result.Percentile99Us)} \t\t{Two(result.Percentile999Us)}" + Utilization(options, cpuPercent);
    }

    private static string Two(double value) => CFormat.Fixed(value, 2, 7);

    private static string Utilization(PerfOptions options, double cpuPercent) =>
        options.CpuUtilization ? "\t    " + CFormat.Fixed(cpuPercent, 2, 3) : "";
}
