using RoceEngine.Wire;

namespace RoceEngine.Capture;

/// <summary>What keeps a frame that is addressed to port 4791 from being decoded as a RoCEv2 packet.</summary>
public enum FrameProblem : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The UDP payload is no RoCEv2 packet; <see cref="DecodedPacket.Reason"/> says why.</summary>
    Malformed,

    /// <summary>The first fragment of a fragmented IP datagram; the rest would have to be put together first.</summary>
    IpFragment,

    /// <summary>The capture holds less of the frame than was on the wire (a snap length): the ICRC cannot be checked.</summary>
    CutByCapture,

    /// <summary>The UDP length is less than its header or more than the IP packet holds.</summary>
    BadUdpLength,
}

/// <summary>An ICRC check's outcome.</summary>
public enum IcrcVerdict : byte
{
    /// <summary>There was nothing to check: the packet is incomplete.</summary>
    NotChecked = 0,

    /// <summary>The ICRC fits.</summary>
    Match,

    /// <summary>The ICRC does not fit.</summary>
    Mismatch,
}
