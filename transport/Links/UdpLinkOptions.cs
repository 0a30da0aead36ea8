using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>How a <see cref="UdpLink"/> uses its socket.</summary>
public sealed record UdpLinkOptions
{
    /// <summary>False sends every datagram as a message of its own, as on a kernel without UDP_SEGMENT.</summary>
    public bool UseGso { get; init; } = true;

    /// <summary>False receives every datagram as a message of its own.</summary>
    public bool UseGro { get; init; } = true;

    /// <summary>Bytes to ask of SO_RCVBUFFORCE, or of SO_RCVBUF where that is not permitted (then net.core.rmem_max bounds it).</summary>
    public int ReceiveBufferBytes { get; init; } = 16 << 20;

    /// <summary>Bytes to ask of SO_SNDBUFFORCE or SO_SNDBUF.</summary>
    public int SendBufferBytes { get; init; } = 4 << 20;

    /// <summary>
    /// Payloads up to this size are copied while their ICRC is computed; longer ones are handed to the kernel where they lie. Copying
    /// all is the default: the kernel takes a train in one piece from the cache a fifth faster, all told, than header and payload by
    /// turns from where they lie, and a guest that writes to a payload under way cannot make its ICRC wrong.
    /// </summary>
    public int CopyBytesMax { get; init; } = RoceUdp.PayloadBytesMax;

    /// <summary>
    /// For tests of what loss does: the probability, 0 … 1, that a received datagram is dropped as if the network had lost it. 0 drops
    /// nothing and costs nothing.
    /// </summary>
    public double LossRate { get; init; }

    /// <summary>Decides, with the address of the link, which datagrams those are.</summary>
    public ulong LossSeed { get; init; } = 1;
}
