namespace RoceEngine.Capture;

/// <summary>What a decoded capture amounted to. Filled while the packets are enumerated.</summary>
public sealed class DecodeSummary
{
    /// <summary>Frames in the file.</summary>
    public long FrameCount { get; internal set; }

    /// <summary>Datagrams to port 4791, malformed ones included.</summary>
    public long RoceCount { get; internal set; }

    /// <summary>Datagrams to port 4791 that are incomplete or no RoCEv2 packets.</summary>
    public long MalformedCount { get; internal set; }

    /// <summary>Well-formed packets that either ICRC check rejects.</summary>
    public long IcrcMismatchCount { get; internal set; }

    /// <summary>Frames that carry no datagram to port 4791.</summary>
    public long OtherCount => FrameCount - RoceCount;
}
