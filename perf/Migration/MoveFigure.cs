using System.Text.Json.Serialization;

namespace RoceEngine.MigrationBenchmark;

/// <summary>Median and largest of the moves of a row, in ms.</summary>
internal sealed record Milliseconds(double Median, double Max);

/// <summary>A phase of the moves of a row.</summary>
internal sealed record PhaseFigure(string Name, double MedianMs);

/// <summary>The moves of a device with a number of busy QPs.</summary>
/// <param name="QueuePairs">Connected, each with requests under way.</param>
/// <param name="Moves">Measured; warm-up moves are not among them.</param>
/// <param name="GapAtPeer">The longest time between two completions at the peer around each move: the device's blackout as others see it.</param>
/// <param name="SteadyGapAtPeer">The same in as long a time before each move.</param>
/// <param name="RawPause">From the device's stop at one daemon to its run at the other, as the daemon reports it.</param>
/// <param name="Phases">As the daemon reports them.</param>
/// <param name="DeviceStateBytes">Of the last move.</param>
/// <param name="MessagesPerSecond">Over the whole row.</param>
internal sealed record MoveFigure(
    int QueuePairs,
    int Moves,
    Milliseconds GapAtPeer,
    Milliseconds SteadyGapAtPeer,
    Milliseconds RawPause,
    IReadOnlyList<PhaseFigure> Phases,
    long DeviceStateBytes,
    double MessagesPerSecond);

/// <summary>The JSON document.</summary>
internal sealed record MoveDocument(string Memory, IReadOnlyList<MoveFigure> Figures);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(MoveDocument))]
internal sealed partial class MoveJson : JsonSerializerContext;
