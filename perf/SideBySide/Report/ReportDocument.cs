using System.Text.Json.Serialization;
using RoceEngine.SideBySide.Soak;

namespace RoceEngine.SideBySide.Report;

/// <summary>Everything that a report measured, as JSON.</summary>
internal sealed record ReportDocument(
    MachineFacts Machine, IReadOnlyList<Figure> Figures, IReadOnlyList<Curve> Bandwidth, IReadOnlyList<Curve> Latency, SoakResult? Soak);

/// <summary>A line of the chart.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Kind">Whose it is.</param>
/// <param name="Points">In order of size; sizes that could not be measured are missing.</param>
internal sealed record Curve(string Name, CurveKind Kind, IReadOnlyList<CurvePoint> Points);

/// <summary>Whose a line is.</summary>
internal enum CurveKind
{
    /// <summary>The engine between two hosts.</summary>
    OverUdp,

    /// <summary>The engine on one host.</summary>
    Local,

    /// <summary>The limit.</summary>
    Limit,

    /// <summary>Somebody else's.</summary>
    Peer,
}

/// <summary>A size, and the median of what was measured there: GB/s or µs.</summary>
internal sealed record CurvePoint(int Bytes, double Value);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(ReportDocument))]
internal sealed partial class ReportJson : JsonSerializerContext;
