namespace RoceEngine.Rsockets;

/// <summary>Sizes of a stream, which are fixed when it begins to connect.</summary>
public sealed record StreamOptions
{
    /// <summary>Bytes of the ring that sends are copied to. SO_SNDBUF.</summary>
    public int SendBytes { get; init; } = 1 << 17;

    /// <summary>Bytes of the ring that the peer writes to, in two halves: even. SO_RCVBUF.</summary>
    public int ReceiveBytes { get; init; } = 1 << 17;

    /// <summary>Work requests of the send queue. RDMA_SQSIZE.</summary>
    public int SendDepth { get; init; } = 384;

    /// <summary>Work requests of the receive queue. RDMA_RQSIZE.</summary>
    public int ReceiveDepth { get; init; } = 384;

    /// <summary>Buffers that the peer may map at a time. RDMA_IOMAPSIZE.</summary>
    public int MappingCount { get; init; }

    /// <summary>Bytes of <see cref="StreamBuffers.Send"/>: the ring, and the places of control messages behind it.</summary>
    public int SendMemoryBytes => SendBytes + (StreamCore.ControlSlots * RemoteBuffer.Bytes);

    /// <summary>Bytes of <see cref="StreamBuffers.Targets"/>: the list of targets, and the peer's mapped buffers behind it.</summary>
    public int TargetMemoryBytes => (StreamCore.TargetCount * RemoteBuffer.Bytes) + (MappingCount * MappedBuffer.Bytes);
}

/// <summary>The registered memory of a stream.</summary>
public sealed record StreamBuffers
{
    /// <summary>What posts are taken from: <see cref="StreamOptions.SendMemoryBytes"/>.</summary>
    public required Memory<byte> Send { get; init; }

    /// <summary>What the peer writes to: <see cref="StreamOptions.ReceiveBytes"/>.</summary>
    public required Memory<byte> Receive { get; init; }

    /// <summary>The address and key of <see cref="Receive"/>, as the peer has to name them.</summary>
    public required RemoteBuffer ReceiveName { get; init; }

    /// <summary>Where the peer announces its receive buffers and mapped ones: <see cref="StreamOptions.TargetMemoryBytes"/>, zeroed.</summary>
    public required Memory<byte> Targets { get; init; }

    /// <summary>The address and key of <see cref="Targets"/>, as the peer has to name them.</summary>
    public required RemoteBuffer TargetsName { get; init; }
}

/// <summary>A WRITE to be posted.</summary>
/// <param name="Id">Comes back with the completion, in <see cref="StreamCore.HandleSent"/>.</param>
/// <param name="Offset">First byte in <see cref="StreamBuffers.Send"/>.</param>
/// <param name="Length">Bytes; none for a message without data.</param>
/// <param name="RemoteAddress">Where they go.</param>
/// <param name="RemoteKey">The key of that.</param>
/// <param name="Immediate">Immediate data; null for a WRITE that the peer is not told of.</param>
public readonly record struct StreamPost(ulong Id, int Offset, int Length, ulong RemoteAddress, uint RemoteKey, uint? Immediate);

/// <summary>What an end stops. shutdown(2), with its numbers.</summary>
public enum ShutdownKind
{
    /// <summary>SHUT_RD.</summary>
    Receiving = 0,

    /// <summary>SHUT_WR.</summary>
    Sending = 1,

    /// <summary>SHUT_RDWR.</summary>
    Both = 2,
}
