using System.Text.Json.Serialization;

namespace RoceEngine.SideBySide;

/// <summary>A result: medians of both sides, and the engine's divided by the other's. Without an engine's value there is a reason why.</summary>
/// <param name="Name">As in <see cref="Comparison"/>.</param>
/// <param name="Unit">As in <see cref="Comparison"/>.</param>
/// <param name="Description">As in <see cref="Comparison"/>.</param>
/// <param name="Engine">The engine's median.</param>
/// <param name="Limit">The other side's median.</param>
/// <param name="Ratio">The former divided by the latter.</param>
/// <param name="Bar">What the ratio, or the value where there is none, should reach.</param>
/// <param name="Stretch">What would be better still.</param>
/// <param name="Verdict">Whether it does.</param>
/// <param name="Skipped">Why it was not measured here.</param>
/// <param name="Failure">Why measuring it failed.</param>
internal sealed record Figure(
    string Name,
    string Unit,
    string Description,
    double? Engine = null,
    double? Limit = null,
    double? Ratio = null,
    double? Bar = null,
    double? Stretch = null,
    string? Verdict = null,
    string? Skipped = null,
    string? Failure = null)
{
    public const string Met = "met";
    public const string StretchMet = "stretch met";
    public const string NotMet = "not met";

    /// <summary>The figure of a comparison that was measured.</summary>
    public static Figure Of(Comparison comparison, double engine, double? limit)
    {
        double? ratio = engine / limit;
        return Empty(comparison) with { Engine = engine, Limit = limit, Ratio = ratio, Verdict = Judge(comparison, ratio ?? engine) };
    }

    /// <summary>The figure of one that was not.</summary>
    public static Figure Empty(Comparison comparison) => new(
        comparison.Name, comparison.Unit, comparison.Description, Bar: comparison.Bar?.Value, Stretch: comparison.Bar?.Stretch);

    private static string? Judge(Comparison comparison, double value)
    {
        if (comparison.Bar is not { } bar)
            return null;
        bool Reaches(double wanted) => comparison.MoreIsBetter ? value >= wanted : value <= wanted;
        return bar.Stretch is { } stretch && Reaches(stretch) ? StretchMet : Reaches(bar.Value) ? Met : NotMet;
    }
}

/// <summary>The JSON document of a comparison.</summary>
internal sealed record FigureDocument(IReadOnlyList<Figure> Figures);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(FigureDocument))]
internal sealed partial class FigureJson : JsonSerializerContext;
