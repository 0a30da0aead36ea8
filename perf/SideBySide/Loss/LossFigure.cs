using System.Text.Json.Serialization;

namespace RoceEngine.SideBySide.Loss;

/// <summary>What one rate of loss left of the goodput.</summary>
/// <param name="LossRate">Share of datagrams that are lost, both ways, 0 … 1.</param>
/// <param name="Goodput">Median, in 10^9 bytes per second.</param>
/// <param name="Ratio">Goodput divided by that without loss, of the same run.</param>
/// <param name="Messages">WRITEs that completed, warm-up included.</param>
/// <param name="Errors">Requests that did not complete with success; after one the rate is measured no more.</param>
internal sealed record LossFigure(double LossRate, double Goodput, double Ratio, long Messages, int Errors);

/// <summary>The JSON document.</summary>
internal sealed record LossDocument(int MessageBytes, IReadOnlyList<LossFigure> Figures);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(LossDocument))]
internal sealed partial class LossJson : JsonSerializerContext;
