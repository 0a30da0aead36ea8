using System.Globalization;

namespace RoceEngine.PerfTool.Report;

/// <summary>The processor's clock and how busy it was, from /proc.</summary>
internal static class CpuFacts
{
    private static readonly Lazy<double> LazyMegahertz = new(() => ReadMegahertz(File.ReadLines("/proc/cpuinfo")));

    /// <summary>Megahertz of the first processor; 1000 when the system does not tell.</summary>
    public static double Megahertz => LazyMegahertz.Value;

    /// <summary>Clock ticks since boot that the processors were busy, and altogether.</summary>
    public static (long Busy, long Total) ReadTicks() => ParseTicks(File.ReadLines("/proc/stat").First());

    /// <summary>Percent of the time between two readings that the processors were busy.</summary>
    public static double BusyPercent((long Busy, long Total) from, (long Busy, long Total) to) =>
        to.Total > from.Total ? 100.0 * (to.Busy - from.Busy) / (to.Total - from.Total) : 0;

    /// <summary>Reads a line such as <c>cpu  user nice system idle iowait irq softirq steal</c>.</summary>
    public static (long Busy, long Total) ParseTicks(string line)
    {
        long[] ticks = [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8).Select(text => long.Parse(text, CultureInfo.InvariantCulture))];
        long total = ticks.Sum();
        return (total - ticks[3] - ticks[4], total);
    }

    /// <summary>Finds the line <c>cpu MHz : n</c>.</summary>
    public static double ReadMegahertz(IEnumerable<string> lines)
    {
        foreach (string line in lines)
        {
            if (line.StartsWith("cpu MHz", StringComparison.Ordinal)
                && double.TryParse(line.AsSpan(line.IndexOf(':', StringComparison.Ordinal) + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out double megahertz))
            {
                return megahertz;
            }
        }

        return 1000;
    }
}
