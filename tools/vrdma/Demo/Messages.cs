using System.Text.Json.Serialization;

namespace RoceEngine.Vrdma.Demo;

/// <summary>What the demo runs, in the order in which it runs it.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<DemoOperation>))]
internal enum DemoOperation
{
    Send,
    SendWithImmediate,
    Write,
    WriteWithImmediate,
    Read,
    CompareSwap,
    FetchAdd,
}

/// <summary>What the parent asks of a guest process.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<GuestVerb>))]
internal enum GuestVerb
{
    /// <summary>Make a QP (in place of the one before) and tell its end.</summary>
    Open,

    /// <summary>Connect the QP with the peer's end.</summary>
    Connect,

    /// <summary>Fill the memory for a pass; as responder post the receives that the pass takes.</summary>
    Prepare,

    /// <summary>As requester: post the pass's messages and wait for their completions.</summary>
    Run,

    /// <summary>Compare the memory with what the pass must have left, and as responder the receive completions.</summary>
    Check,

    /// <summary>Close everything and exit.</summary>
    Quit,
}

/// <summary>One end of a connection and the memory that its peer may use.</summary>
internal sealed record GuestEnd
{
    /// <summary>The QP as <c>qpn:psn:address</c>.</summary>
    public required string QueuePair { get; init; }

    /// <summary>Key of the memory for remote access.</summary>
    public required uint RemoteKey { get; init; }

    /// <summary>Guest virtual address of the first byte of the memory.</summary>
    public required ulong MemoryAddress { get; init; }
}

/// <summary>A run of equal messages between a requester and a responder.</summary>
internal sealed record Pass
{
    public required DemoOperation Operation { get; init; }

    /// <summary>Bytes of a message.</summary>
    public required int Bytes { get; init; }

    /// <summary>Messages, each with a slot of its own in the memory of both ends.</summary>
    public required int Messages { get; init; }

    /// <summary>Messages outstanding at most.</summary>
    public required int Window { get; init; }

    /// <summary>Decides every byte and every immediate value of the pass.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Seed of one message.</summary>
    public ulong MessageSeed(int index) => Pattern.Word(Seed, index);

    /// <summary>Immediate data of one message.</summary>
    public uint Immediate(int index) => (uint)(Pattern.Word(~Seed, index) >> 16);
}

/// <summary>A line from the parent to a guest.</summary>
internal sealed record GuestRequest
{
    public required GuestVerb Verb { get; init; }

    /// <summary>Connect: the peer.</summary>
    public GuestEnd? Peer { get; init; }

    /// <summary>Prepare, Run, Check: the pass.</summary>
    public Pass? Pass { get; init; }

    /// <summary>Prepare and Check: whether this guest is the pass's requester.</summary>
    public bool IsRequester { get; init; }
}

/// <summary>A line from a guest to the parent.</summary>
internal sealed record GuestReply
{
    /// <summary>Null when the request was carried out.</summary>
    public string? Error { get; init; }

    /// <summary>Attached, Open: the device's name.</summary>
    public string? Device { get; init; }

    /// <summary>Open: this end.</summary>
    public GuestEnd? End { get; init; }

    /// <summary>Run: median time from post to completion, in microseconds.</summary>
    public double LatencyMicroseconds { get; init; }

    /// <summary>Run: time from the first post to the last completion, in seconds.</summary>
    public double Seconds { get; init; }
}

/// <summary>The JSON of the lines between parent and guests.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(GuestRequest))]
[JsonSerializable(typeof(GuestReply))]
internal sealed partial class DemoJson : JsonSerializerContext;
