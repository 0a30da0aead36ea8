using RoceEngine.Interop;
using RoceEngine.Wire;
using static RoceEngine.Interop.SocketConstants;

namespace RoceEngine.Links;

/// <summary>
/// What a <see cref="UdpLink"/> keeps per route: the socket address, the control messages for traffic class and hop limit, what the
/// ICRC covers of the IP and UDP headers, and the train that still takes datagrams. Kept as the route's link state.
/// </summary>
internal sealed unsafe class UdpDestination
{
    /// <summary>Bytes of control messages at most: traffic class, hop limit, segment size.</summary>
    public const int ControlBytesMax = 72;

    private const int ControlOffset = 32;

    // Pinned, since message headers point into it while the kernel reads them.
    private readonly byte[] _block = GC.AllocateArray<byte>(ControlOffset + ControlBytesMax, pinned: true);

    public UdpDestination(UdpTransmitter owner, Route route)
    {
        Owner = owner;
        Route = route;
        fixed (byte* block = _block)
        {
            Name = block;
            NameBytes = UdpSocket.WriteAddress(block, route.Destination, RoceUdp.Port);
            Control = block + ControlOffset;
            ControlBytes = WriteControl(Control, route);
        }
        Pseudo = new IcrcPseudo(route.Source, route.Destination, RoceUdp.Port);
    }

    public readonly UdpTransmitter Owner;
    public readonly Route Route;
    public readonly byte* Name;
    public readonly int NameBytes;

    /// <summary>Control messages that every message to this destination carries; the segment size comes after them.</summary>
    public readonly byte* Control;
    public readonly int ControlBytes;

    /// <summary>What the ICRC covers of the IP and UDP headers.</summary>
    public readonly IcrcPseudo Pseudo;

    /// <summary>The train that takes more datagrams, valid while <see cref="Batch"/> is the transmitter's current one.</summary>
    public int OpenTrain;
    public long Batch = -1;

    private static int WriteControl(byte* at, Route route)
    {
        bool isIPv4 = route.Destination.IsIPv4;
        int bytes = 0;
        if (route.TrafficClass != UdpSocket.DefaultTrafficClass)
        {
            bytes += isIPv4
                ? ControlMessages.WriteInt32(at, IPPROTO_IP, IP_TOS, route.TrafficClass)
                : ControlMessages.WriteInt32(at, IPPROTO_IPV6, IPV6_TCLASS, route.TrafficClass);
        }
        if (route.HopLimit != UdpSocket.DefaultHopLimit && route.HopLimit != 0)
        {
            bytes += isIPv4
                ? ControlMessages.WriteInt32(at + bytes, IPPROTO_IP, IP_TTL, route.HopLimit)
                : ControlMessages.WriteInt32(at + bytes, IPPROTO_IPV6, IPV6_HOPLIMIT, route.HopLimit);
        }
        return bytes;
    }
}
