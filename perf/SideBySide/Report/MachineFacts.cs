using System.Globalization;
using System.Runtime.InteropServices;

namespace RoceEngine.SideBySide.Report;

/// <summary>Where and when a report was made.</summary>
/// <param name="Date">UTC, as 2026-11-28.</param>
/// <param name="Processor">The processor's name.</param>
/// <param name="Processors">Logical processors that the process was given.</param>
/// <param name="Used">Those that everything measured ran on.</param>
/// <param name="MemoryGibibytes">Memory.</param>
/// <param name="System">Kernel.</param>
/// <param name="Runtime">.NET.</param>
/// <param name="LoadBefore">Load average of the minute before: what else the machine did.</param>
internal sealed record MachineFacts(
    string Date, string Processor, int Processors, int Used, double MemoryGibibytes, string System, string Runtime, double LoadBefore)
{
    public static MachineFacts Read() => new(
        DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        ProcessorName(),
        Environment.ProcessorCount,
        Partner.Cpus.Count,
        Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1 << 30), 1),
        RuntimeInformation.OSDescription.Split('#')[0].Trim(),
        RuntimeInformation.FrameworkDescription,
        LoadAverage());

    /// <summary>For a file's name: date, processor, number of processors.</summary>
    public string FileName
    {
        get
        {
            string text = $"{Date}-{Processor.ToLowerInvariant()}-{Processors.ToString(CultureInfo.InvariantCulture)}cpu";
            return string.Join('-', new string([.. text.Select(c => char.IsAsciiLetterOrDigit(c) ? c : ' ')]).Split(' ', StringSplitOptions.RemoveEmptyEntries));
        }
    }

    /// <summary>One line for people.</summary>
    public string Summary => string.Create(
        CultureInfo.InvariantCulture,
        $"{Date}, {Processor}, {Processors} logical processors ({Used} used), {MemoryGibibytes:0.#} GiB, {System}, {Runtime}, load average before {LoadBefore:0.00}");

    private static string ProcessorName() => File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
        ?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();

    private static double LoadAverage() => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);
}
