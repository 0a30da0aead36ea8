using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using RoceEngine.Interop;
using static RoceEngine.Interop.PacketConstants;
using static RoceEngine.Interop.SocketConstants;

namespace RoceEngine.Addresses;

/// <summary>
/// A raw socket that tells an Ethernet link where an address is: ARP broadcasts for IPv4, neighbour advertisements to all nodes
/// (ff02::1) for IPv6. It stays with the network namespace that the thread was in when it was opened.
/// </summary>
internal sealed unsafe class AnnouncementSocket : IDisposable
{
    private static readonly IPAddress s_allNodes = IPAddress.Parse("ff02::1");

    private readonly int _socket;
    private readonly IPAddress _address;
    private readonly LinkInfo _link;

    private AnnouncementSocket(int socket, IPAddress address, LinkInfo link) => (_socket, _address, _link) = (socket, address, link);

    private bool IsIPv6 => AddressBits.IsIPv6(_address);

    /// <summary>Opens one for an address of that link; null with a sentence when that fails.</summary>
    public static AnnouncementSocket? Open(IPAddress address, LinkInfo link, out string? problem)
    {
        bool isIPv6 = AddressBits.IsIPv6(address);
        // Protocol 0: a packet socket that receives nothing.
        int socket = isIPv6
            ? Sockets.Create(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6)
            : Sockets.Create(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (socket < 0)
        {
            problem = Marshal.GetLastPInvokeError() is Errno.EPERM or Errno.EACCES
                ? $"announcing {address} on {link.Name} needs the capability CAP_NET_RAW"
                : $"announcing {address} on {link.Name} failed: {Failure.LastError()}";
            return null;
        }
        var opened = new AnnouncementSocket(socket, address, link);
        problem = isIPv6 ? opened.PrepareAdvertisements() : null;
        if (problem == null)
            return opened;
        opened.Dispose();
        return null;
    }

    public void Dispose() => Events.Close(_socket);

    /// <summary>Sends the messages once. Null, or why they did not go.</summary>
    public string? Send() => IsIPv6 ? SendAdvertisement() : SendArp(isReply: false) ?? SendArp(isReply: true);

    /// <summary>
    /// The interface to leave by, the hop limit that receivers insist on (RFC 4861, 7.1.2), and the announced address as the source:
    /// the interface's own choice could be an address that its link does not route.
    /// </summary>
    private string? PrepareAdvertisements()
    {
        SockaddrIn6 source = SocketAddress(_address);
        return Sockets.SetOption(_socket, SOL_SOCKET, SO_BINDTOIFINDEX, _link.Index) < 0
            || Sockets.SetOption(_socket, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255) < 0
            || Sockets.SetOption(_socket, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0) < 0
            || Sockets.Bind(_socket, &source, (uint)sizeof(SockaddrIn6)) < 0
            ? Explain()
            : null;
    }

    private string? SendAdvertisement()
    {
        byte* message = stackalloc byte[NeighbourMessages.AdvertisementBytes];
        NeighbourMessages.WriteAdvertisement(new Span<byte>(message, NeighbourMessages.AdvertisementBytes), _address, _link.LinkAddress);
        SockaddrIn6 allNodes = SocketAddress(s_allNodes);
        return Send(message, NeighbourMessages.AdvertisementBytes, &allNodes, sizeof(SockaddrIn6));
    }

    private string? SendArp(bool isReply)
    {
        byte* packet = stackalloc byte[NeighbourMessages.ArpBytes];
        NeighbourMessages.WriteArp(new Span<byte>(packet, NeighbourMessages.ArpBytes), isReply, _address, _link.LinkAddress);
        var broadcast = new SockaddrLinkLayer
        {
            Family = AF_PACKET,
            ProtocolNetworkOrder = BinaryPrimitives.ReverseEndianness(ETH_P_ARP),
            InterfaceIndex = _link.Index,
            AddressLength = NeighbourMessages.LinkAddressBytes,
        };
        new Span<byte>(broadcast.Address, NeighbourMessages.LinkAddressBytes).Fill(0xFF);
        return Send(packet, NeighbourMessages.ArpBytes, &broadcast, sizeof(SockaddrLinkLayer));
    }

    private string? Send(byte* message, int bytes, void* to, int toBytes) =>
        Sockets.SendTo(_socket, message, (nuint)bytes, MSG_NOSIGNAL, to, (uint)toBytes) < 0 ? Explain() : null;

    private SockaddrIn6 SocketAddress(IPAddress address)
    {
        var result = new SockaddrIn6 { Family = AF_INET6 };
        address.TryWriteBytes(new Span<byte>(result.Address, 16), out _);
        if (address.IsIPv6LinkLocal || address.IsIPv6Multicast)
            result.ScopeId = (uint)_link.Index;
        return result;
    }

    private string Explain() => $"announcing {_address} on {_link.Name} failed: {Failure.LastError()}";
}
