using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using RoceEngine.KernelPeer.Cells;

namespace RoceEngine.KernelPeer.Output;

/// <summary>A run of the matrix, as JSON.</summary>
/// <param name="Machine">Where and when.</param>
/// <param name="Cells">Every cell.</param>
internal sealed record MatrixDocument(MatrixFacts Machine, IReadOnlyList<CellResult> Cells);

/// <summary>Where and when a matrix was made.</summary>
/// <param name="Date">UTC, as 2026-11-28.</param>
/// <param name="Processor">The processor's name.</param>
/// <param name="Processors">Logical processors.</param>
/// <param name="System">This machine's kernel, on whose sockets the engine ran.</param>
/// <param name="Runtime">.NET that ran the matrix; the engine was compiled natively.</param>
/// <param name="PeerKernel">The virtual machine's kernel, whose rxe was the peer.</param>
/// <param name="LossOneIn">One packet in so many was lost where packets were lost; 0 where none were.</param>
/// <param name="LostPackets">How many were, by the virtual machine's count.</param>
/// <param name="DurationSeconds">Of all cells, without booting.</param>
internal sealed record MatrixFacts(
    string Date, string Processor, int Processors, string System, string Runtime, string PeerKernel, int LossOneIn, long LostPackets, double DurationSeconds)
{
    public static MatrixFacts Read(string peerKernel, int lossOneIn, long lostPackets, TimeSpan duration) => new(
        DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim()
            ?? RuntimeInformation.ProcessArchitecture.ToString(),
        Environment.ProcessorCount,
        $"Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}",
        RuntimeInformation.FrameworkDescription,
        $"Linux {peerKernel}",
        lossOneIn,
        lostPackets,
        Math.Round(duration.TotalSeconds, 1));

    /// <summary>For a file's name.</summary>
    [JsonIgnore]
    public string FileName => $"{Date}-kernel-peer";
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(MatrixDocument))]
internal sealed partial class MatrixJson : JsonSerializerContext;
