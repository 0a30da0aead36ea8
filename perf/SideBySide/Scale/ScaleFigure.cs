using System.Text.Json.Serialization;

namespace RoceEngine.SideBySide.Scale;

/// <summary>What a number of connected QPs costs.</summary>
/// <param name="QueuePairs">Connected RC QPs of each of the two guests, the busy one included.</param>
/// <param name="CreateMicroseconds">Time to make and connect one QP, both ends, in µs.</param>
/// <param name="BytesPerQueuePair">Managed memory of one idle QP: host, device, protocol and guest library together. 0 where there is none.</param>
/// <param name="AloneRate">Messages of one busy QP of a device that has no other, in 10^6 per second.</param>
/// <param name="BesideRate">Messages of one busy QP beside the idle ones, in 10^6 per second.</param>
/// <param name="Ratio">The latter divided by the former.</param>
internal sealed record ScaleFigure(
    int QueuePairs, double CreateMicroseconds, double BytesPerQueuePair, double AloneRate, double BesideRate, double Ratio);

/// <summary>The JSON document.</summary>
internal sealed record ScaleDocument(IReadOnlyList<ScaleFigure> Figures);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(ScaleDocument))]
internal sealed partial class ScaleJson : JsonSerializerContext;
