using System.Text.Json.Serialization;

namespace RoceEngine.PerfTool.Exchange;

/// <summary>What a message between the two sides is.</summary>
internal enum PeerMessageKind
{
    /// <summary>First of all: protocol version and the parameters that must agree.</summary>
    Hello,

    /// <summary>The queue pairs, keys and addresses of a side.</summary>
    Endpoints,

    /// <summary>Both sides meet here: queue pairs are up, or a size begins.</summary>
    Barrier,

    /// <summary>This side has sent all of a size, with what it measured.</summary>
    Done,

    /// <summary>This side failed; the text says why.</summary>
    Failure,
}

/// <summary>One queue pair as the other side must know it.</summary>
/// <param name="Number">QP number, 24 bits.</param>
/// <param name="Psn">First PSN, 24 bits.</param>
/// <param name="RemoteKey">Key of the memory that the other side reads or writes.</param>
/// <param name="Address">Guest virtual address of that memory.</param>
internal sealed record PeerQueuePair(uint Number, uint Psn, uint RemoteKey, ulong Address);

/// <summary>A measured direction, as the other side prints or adds it.</summary>
internal sealed record PeerResult(long Iterations, double PeakBytesPerSecond, double AverageBytesPerSecond, double MessagesPerSecond);

/// <summary>A message between the two sides; which members are set depends on <see cref="Kind"/>.</summary>
internal sealed record PeerMessage
{
    public required PeerMessageKind Kind { get; init; }

    /// <summary>Hello: <see cref="PeerProtocol.Name"/>.</summary>
    public string? Protocol { get; init; }

    /// <summary>Hello: <see cref="PeerProtocol.Version"/>.</summary>
    public int Version { get; init; }

    /// <summary>Hello: names and values that must be equal on both sides.</summary>
    public Dictionary<string, string>? Parameters { get; init; }

    /// <summary>Endpoints: the device's IP address.</summary>
    public string? DeviceAddress { get; init; }

    /// <summary>Endpoints: path MTU in bytes that this side can take.</summary>
    public int MtuBytes { get; init; }

    /// <summary>Endpoints: READs and atomics that this side can have outstanding, as requester and responder.</summary>
    public int OutstandingReads { get; init; }

    /// <summary>Endpoints: the queue pairs.</summary>
    public PeerQueuePair[]? QueuePairs { get; init; }

    /// <summary>Barrier and Done: which one, so that sides out of step are noticed.</summary>
    public int Step { get; init; }

    /// <summary>Done: messages sent on each queue pair.</summary>
    public long[]? Sent { get; init; }

    /// <summary>Done: messages received, all together; null when this side was still receiving.</summary>
    public long? Received { get; init; }

    /// <summary>Done: what was measured, if anything.</summary>
    public PeerResult? Result { get; init; }

    /// <summary>Failure: one line.</summary>
    public string? Text { get; init; }
}

/// <summary>Serialisation of <see cref="PeerMessage"/> without reflection.</summary>
[JsonSourceGenerationOptions(UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PeerMessage))]
internal sealed partial class PeerJson : JsonSerializerContext;
