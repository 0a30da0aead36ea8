using RoceEngine.Interop;

namespace Transport.Tests;

/// <summary>Sizes and offsets of netlink and packet sockets, from the kernel's headers.</summary>
public unsafe class NetlinkLayoutTests
{
    private static int Offset(void* start, void* field) => (int)((byte*)field - (byte*)start);

    [Fact]
    public void Sockaddr_nl_has_the_kernels_layout()
    {
        SockaddrNetlink it = default;
        Assert.Equal(12, sizeof(SockaddrNetlink));
        Assert.Equal([0, 4, 8], [Offset(&it, &it.Family), Offset(&it, &it.PortId), Offset(&it, &it.Groups)]);
    }

    [Fact]
    public void Netlink_headers_have_the_kernels_layout()
    {
        NetlinkMessageHeader header = default;
        Assert.Equal(16, sizeof(NetlinkMessageHeader));
        Assert.Equal(
            [0, 4, 6, 8, 12],
            [
                Offset(&header, &header.Length), Offset(&header, &header.Type), Offset(&header, &header.Flags),
                Offset(&header, &header.Sequence), Offset(&header, &header.PortId),
            ]);

        NetlinkAttribute attribute = default;
        Assert.Equal(4, sizeof(NetlinkAttribute));
        Assert.Equal([0, 2], [Offset(&attribute, &attribute.Length), Offset(&attribute, &attribute.Type)]);
    }

    [Fact]
    public void Interface_messages_have_the_kernels_layout()
    {
        InterfaceAddressMessage address = default;
        Assert.Equal(8, sizeof(InterfaceAddressMessage));
        Assert.Equal(
            [0, 1, 2, 3, 4],
            [
                Offset(&address, &address.Family), Offset(&address, &address.PrefixLength), Offset(&address, &address.Flags),
                Offset(&address, &address.Scope), Offset(&address, &address.InterfaceIndex),
            ]);

        InterfaceInfoMessage info = default;
        Assert.Equal(16, sizeof(InterfaceInfoMessage));
        Assert.Equal(
            [0, 2, 4, 8, 12],
            [
                Offset(&info, &info.Family), Offset(&info, &info.HardwareType), Offset(&info, &info.InterfaceIndex),
                Offset(&info, &info.Flags), Offset(&info, &info.ChangeMask),
            ]);
    }

    [Fact]
    public void Sockaddr_ll_has_the_kernels_layout()
    {
        SockaddrLinkLayer it = default;
        Assert.Equal(20, sizeof(SockaddrLinkLayer));
        Assert.Equal(
            [0, 2, 4, 8, 10, 11, 12],
            [
                Offset(&it, &it.Family), Offset(&it, &it.ProtocolNetworkOrder), Offset(&it, &it.InterfaceIndex),
                Offset(&it, &it.HardwareType), Offset(&it, &it.PacketType), Offset(&it, &it.AddressLength), Offset(&it, it.Address),
            ]);
    }
}
