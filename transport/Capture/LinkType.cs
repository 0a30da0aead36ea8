namespace RoceEngine.Capture;

/// <summary>How the frames of a capture begin. Numbers as registered at tcpdump.org/linktypes.html.</summary>
public enum LinkType
{
    /// <summary>BSD loopback: address family in the capturing host's byte order, then IP.</summary>
    Null = 0,

    /// <summary>Ethernet II, VLAN tags possible.</summary>
    Ethernet = 1,

    /// <summary>Raw IP as some BSDs number it in files.</summary>
    RawBsd = 12,

    /// <summary>Raw IP as OpenBSD numbers it in files.</summary>
    RawOpenBsd = 14,

    /// <summary>IP without a link header; the version tells IPv4 from IPv6.</summary>
    Raw = 101,

    /// <summary>OpenBSD loopback: address family big-endian, then IP.</summary>
    Loop = 108,

    /// <summary>Linux "cooked" capture, version 1: 16 bytes.</summary>
    LinuxCooked = 113,

    /// <summary>IPv4 without a link header.</summary>
    IPv4 = 228,

    /// <summary>IPv6 without a link header.</summary>
    IPv6 = 229,

    /// <summary>Linux "cooked" capture, version 2: 20 bytes.</summary>
    LinuxCooked2 = 276,
}
