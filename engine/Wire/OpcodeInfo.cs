namespace RoceEngine.Wire;

/// <summary>The transport service in the three high bits of an opcode. IBTA vol. 1, 9.2.1, table 38.</summary>
public enum OpcodeService : byte
{
    /// <summary>RC.</summary>
    ReliableConnection = 0,

    /// <summary>UC.</summary>
    UnreliableConnection = 1,

    /// <summary>RD, which RoCEv2 leaves out.</summary>
    ReliableDatagram = 2,

    /// <summary>UD.</summary>
    UnreliableDatagram = 3,

    /// <summary>CNP: congestion notification, IBTA annex A17.</summary>
    CongestionNotification = 4,

    /// <summary>XRC, not implemented.</summary>
    ExtendedReliableConnection = 5,

    /// <summary>Left to the manufacturer: this project's masked atomics.</summary>
    Manufacturer = 6,
}

/// <summary>One row of <see cref="OpcodeTable"/>.</summary>
public readonly struct OpcodeInfo
{
    internal OpcodeInfo(string name, PacketTraits traits, int headerBytes)
    {
        Name = name;
        Traits = traits;
        HeaderBytes = headerBytes;
    }

    /// <summary>The specification's name, such as <c>RC_RDMA_WRITE_FIRST</c>; null for an unknown opcode.</summary>
    public string? Name { get; }

    /// <summary>What the opcode says about its packet.</summary>
    public PacketTraits Traits { get; }

    /// <summary>Bytes of the BTH and all extension headers, which is where the payload starts in a UDP payload. 0 when unknown.</summary>
    public int HeaderBytes { get; }

    /// <summary>False for an opcode that this engine does not speak.</summary>
    public bool IsKnown => HeaderBytes != 0;

    /// <summary>True when the packet has any of <paramref name="traits"/>.</summary>
    public bool HasAny(PacketTraits traits) => (Traits & traits) != 0;
}
