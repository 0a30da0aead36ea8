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

    /// <summary>Datagrams that leave together at most, as a train of equal sizes that the kernel or the device cuts.</summary>
    public const int TrainDatagramsMax = 64;

    /// <summary>UDP payload bytes of a train at most: 65,535 less the IPv4 and UDP headers.</summary>
    public const int TrainBytesMax = 65_507;

    /// <summary>First of the source ports that senders choose from, per QP, for the sake of path entropy.</summary>
    public const ushort SourcePortMin = 0xC000;

    /// <summary>Bytes of the datagram of a middle packet.</summary>
    public static int MiddleBytes(int payloadBytes) => BthView.Length + payloadBytes + Icrc.Length;

    /// <summary>Middle packets that fill a train.</summary>
    public static int MiddlesPerTrain(int payloadBytes) => Math.Min(TrainDatagramsMax, TrainBytesMax / MiddleBytes(payloadBytes));
}
