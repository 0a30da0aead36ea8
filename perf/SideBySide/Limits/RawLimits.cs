namespace RoceEngine.SideBySide.Limits;

/// <summary>Raw UDP in the shape that messages of a size have on the wire: as many datagrams, each as long, without anything of RDMA.</summary>
internal static class RawLimits
{
    private const int PathMtuBytes = 4096;

    /// <summary>BTH and ICRC.</summary>
    private const int MiddleOverheadBytes = 12 + 4;

    /// <summary>BTH, RETH and ICRC.</summary>
    private const int OnlyOverheadBytes = 12 + 16 + 4;

    /// <summary>Datagrams of a train at most: what the kernel takes, and what fits into 64 KiB.</summary>
    private const int TrainDatagramsMax = 64;

    private const int TrainBytesMax = 65_000;

    /// <summary>A stream, in GB/s of payload.</summary>
    public static RawUdpStream Goodput(int messageBytes)
    {
        int datagram = DatagramBytes(messageBytes);
        return new RawUdpStream(datagram, Math.Min(TrainDatagramsMax, TrainBytesMax / datagram), (double)messageBytes / Datagrams(messageBytes) / 1e9);
    }

    /// <summary>A stream of messages of one datagram, in 10^6 per second.</summary>
    public static RawUdpStream Rate(int messageBytes) => new(OnlyOverheadBytes + messageBytes, TrainDatagramsMax, 1e-6);

    /// <summary>Half of a round trip, in µs.</summary>
    public static RawUdpPingPong Latency(int messageBytes) => new(Datagrams(messageBytes) * DatagramBytes(messageBytes), DatagramBytes(messageBytes));

    private static int Datagrams(int messageBytes) => (messageBytes + PathMtuBytes - 1) / PathMtuBytes;

    private static int DatagramBytes(int messageBytes) => messageBytes <= PathMtuBytes ? messageBytes + OnlyOverheadBytes : PathMtuBytes + MiddleOverheadBytes;
}
