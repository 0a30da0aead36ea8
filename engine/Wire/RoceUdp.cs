namespace RoceEngine.Wire;

/// <summary>Numbers of the RoCEv2 encapsulation. IBTA annex A17.</summary>
public static class RoceUdp
{
    /// <summary>The UDP destination port of every RoCEv2 packet.</summary>
    public const ushort Port = 4791;

    /// <summary>Bytes of the largest payload: path MTU 4096.</summary>
    public const int PayloadBytesMax = 4096;

    /// <summary>Bytes of the largest UDP payload: headers, payload (a multiple of four at its largest) and ICRC.</summary>
    public const int DatagramBytesMax = OpcodeTable.HeaderBytesMax + PayloadBytesMax + Icrc.Length;

    /// <summary>First of the source ports that senders choose from, per QP, for the sake of path entropy.</summary>
    public const ushort SourcePortMin = 0xC000;
}
