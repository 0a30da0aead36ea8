namespace RoceEngine.Capture;

/// <summary>What a decoded capture amounted to. Filled while the packets are enumerated.</summary>
public sealed class DecodeSummary
{
    /// <summary>Frames in the file.</summary>
    public long FrameCount { get; internal set; }

    /// <summary>Frames that carry datagrams to port 4791.</summary>
    public long RoceFrameCount { get; internal set; }

    /// <summary>Datagrams to port 4791, malformed ones included; more than frames where frames hold trains.</summary>
    public long RoceCount { get; private set; }

    /// <summary>Datagrams to port 4791 that are incomplete or no RoCEv2 packets.</summary>
    public long MalformedCount { get; private set; }

    /// <summary>Well-formed packets that either ICRC check rejects.</summary>
    public long IcrcMismatchCount { get; private set; }

    /// <summary>Frames that carry no datagram to port 4791.</summary>
    public long OtherCount => FrameCount - RoceFrameCount;

    internal void Count(DecodedPacket packet)
    {
        RoceCount++;
        MalformedCount += packet.IsWellFormed ? 0 : 1;
        IcrcMismatchCount += packet.PacketIcrc == IcrcVerdict.Mismatch || packet.PayloadIcrc == IcrcVerdict.Mismatch ? 1 : 0;
    }
}
