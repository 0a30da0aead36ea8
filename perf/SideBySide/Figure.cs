using System.Text.Json.Serialization;

namespace RoceEngine.SideBySide;

/// <summary>A result: medians of both sides, and the engine's divided by the limit's.</summary>
internal sealed record Figure(string Name, string Unit, double Engine, double Limit, double Ratio);

/// <summary>The JSON document.</summary>
internal sealed record FigureDocument(IReadOnlyList<Figure> Figures);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(FigureDocument))]
internal sealed partial class FigureJson : JsonSerializerContext;
