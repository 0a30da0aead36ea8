using System.Buffers.Binary;
using System.Net;
using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

public sealed class DatagramTests
{
    private static readonly AddressHandleAttributes Somewhere = new()
    {
        DestinationAddress = IPAddress.Parse("127.13.0.9"), TrafficClass = 0xB8, HopLimit = 17, FlowLabel = 0x54321, ServiceLevel = 3,
    };

    [Fact]
    public void A_datagram_is_laid_out_as_the_abi_says()
    {
        using var bench = new FakeBench();
        QueuePair queuePair = bench.CreateDatagramQueuePair();
        AddressHandle handle = bench.Domain.CreateAddressHandle(Somewhere);
        queuePair.PostSend(
            new SendRequest
            {
                WorkRequestId = 5, Opcode = SendOpcode.SendWithImmediate, Flags = SendFlags.Solicited, Immediate = 0x11223344,
                Destination = handle, RemoteQueuePair = 0xABCDEF, RemoteQueueKey = 0x80010203,
            },
            new ScatterGatherEntry(0x1000, 10, 7));
        handle.Dispose();
        PvrdmaSendWqe wqe = bench.Device.QueuePairs[queuePair.Handle].TakeSend(out _);
        Assert.Equal((5ul, (uint)PvrdmaWrOpcode.SendWithImmediate, 4u, 0x44332211u), (wqe.WorkRequestId, wqe.Opcode, wqe.Flags, wqe.ImmediateOrKey));
        Assert.Equal((0xABCDEFu, 0x80010203u), (wqe.DatagramQpn, wqe.DatagramQkey));
        Assert.Equal((1u << 24) | bench.Domain.Handle, wqe.DatagramAddress.PortAndPd);
        Assert.Equal((3u << 28) | (0xB8u << 20) | 0x54321u, wqe.DatagramAddress.ServiceLevelClassFlow);
        Assert.Equal((17, 0), (wqe.DatagramAddress.HopLimit, wqe.DatagramAddress.GidIndex));
        Assert.Equal(0xFFFF_7F0D0009ul, BinaryPrimitives.ReadUInt64BigEndian(((ReadOnlySpan<byte>)wqe.DatagramAddress.DestinationGid)[8..]));
    }

    [Fact]
    public void Inline_datagrams_carry_their_destination_too()
    {
        using var bench = new FakeBench();
        QueuePair queuePair = bench.CreateDatagramQueuePair();
        using AddressHandle handle = bench.Domain.CreateAddressHandle(Somewhere);
        queuePair.PostSendInline(new SendRequest { Opcode = SendOpcode.Send, Destination = handle, RemoteQueuePair = 3 }, [1, 2, 3]);
        PvrdmaSendWqe wqe = bench.Device.QueuePairs[queuePair.Handle].TakeSend(out ReadOnlySpan<byte> rest);
        Assert.Equal((3u, 3u, (uint)PvrdmaSendFlags.Inline), (wqe.TotalBytes, wqe.DatagramQpn, wqe.Flags));
        Assert.Equal([1, 2, 3], rest[..3].ToArray());
    }

    [Fact]
    public void A_datagram_needs_a_living_destination_of_its_own_domain()
    {
        using var bench = new FakeBench();
        QueuePair queuePair = bench.CreateDatagramQueuePair();
        using ProtectionDomain otherDomain = bench.Context.AllocateProtectionDomain();
        using AddressHandle foreign = otherDomain.CreateAddressHandle(Somewhere);
        AddressHandle dead = bench.Domain.CreateAddressHandle(Somewhere);
        dead.Dispose();
        foreach (AddressHandle? destination in new[] { null, foreign, dead })
        {
            var request = new SendRequest { Opcode = SendOpcode.Send, Destination = destination };
            Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => queuePair.PostSend(request, [])).Errno);
            Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => queuePair.PostSendInline(request, [1])).Errno);
        }

        Assert.Equal(0, bench.Device.QueuePairs[queuePair.Handle].PendingSends);
    }

    [Fact]
    public void Address_handles_are_counted_checked_and_belong_to_their_domain()
    {
        using var bench = new FakeBench();
        AddressHandleAttributes[] bad =
        [
            Somewhere with { Port = 2 }, Somewhere with { Port = 0 }, Somewhere with { ServiceLevel = 16 }, Somewhere with { FlowLabel = 0x100000 },
        ];
        Assert.All(bad, attributes => Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.Domain.CreateAddressHandle(attributes)).Errno));
        AddressHandle[] four = [.. Enumerable.Range(0, 4).Select(_ => bench.Domain.CreateAddressHandle(Somewhere))];
        Assert.Equal(Errno.NoMemory, Assert.Throws<VerbsException>(() => bench.Domain.CreateAddressHandle(Somewhere)).Errno);
        four[0].Dispose();
        four[0].Dispose();
        using AddressHandle again = bench.Domain.CreateAddressHandle(Somewhere);
        Assert.Same(Somewhere, again.Attributes);
        bench.QueuePair.Dispose();
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(bench.Domain.Dispose).Errno);
    }

    [Fact]
    public void The_way_back_is_read_from_an_ipv4_header()
    {
        using var bench = new FakeBench();
        byte[] header = IPv4Header("10.1.2.3", "127.13.0.1");
        using AddressHandle handle = bench.Domain.CreateAddressHandle(WithHeader, header);
        Assert.Equal((IPAddress.Parse("10.1.2.3"), 0xB9, 61), (handle.Attributes.DestinationAddress, handle.Attributes.TrafficClass, handle.Attributes.HopLimit));

        // Whatever stands in the first 20 bytes, also what looks like IPv6: the checksum decides.
        new Random(3).NextBytes(header.AsSpan(0, 20));
        header[0] = 0x60;
        using AddressHandle same = bench.Domain.CreateAddressHandle(WithHeader, header);
        Assert.Equal(handle.Attributes, same.Attributes);
    }

    [Fact]
    public void The_way_back_is_read_from_an_ipv6_header()
    {
        using var bench = new FakeBench();
        byte[] header = IPv6Header("fd00::7", "fd00::8");
        using AddressHandle handle = bench.Domain.CreateAddressHandle(WithHeader, header);
        Assert.Equal(
            (IPAddress.Parse("fd00::7"), 0xAB, 33, 0x12345u),
            (handle.Attributes.DestinationAddress, handle.Attributes.TrafficClass, handle.Attributes.HopLimit, handle.Attributes.FlowLabel));

        // A version and length that look like IPv4 in the middle of an address do not confuse it.
        header[20] = 0x45;
        using AddressHandle other = bench.Domain.CreateAddressHandle(WithHeader, header);
        Assert.Equal(33, other.Attributes.HopLimit);
    }

    [Fact]
    public void No_way_back_without_a_header_of_a_datagram_to_this_address_alone()
    {
        using var bench = new FakeBench();
        byte[] tcp4 = IPv4Header("10.1.2.3", "127.13.0.1");
        tcp4[29] = 6;
        byte[] tcp6 = IPv6Header("fd00::7", "fd00::8");
        tcp6[6] = 6;
        (CompletionFlags Flags, byte[] Header)[] bad =
        [
            (CompletionFlags.None, IPv4Header("10.1.2.3", "127.13.0.1")),
            (CompletionFlags.GlobalRouteHeader, IPv4Header("10.1.2.3", "127.13.0.1")[..39]),
            (CompletionFlags.GlobalRouteHeader, new byte[40]),
            (CompletionFlags.GlobalRouteHeader, IPv4Header("10.1.2.3", "239.1.2.3")),
            (CompletionFlags.GlobalRouteHeader, IPv6Header("fd00::7", "ff0e::1")),
            (CompletionFlags.GlobalRouteHeader, tcp4),
            (CompletionFlags.GlobalRouteHeader, tcp6),
        ];
        Assert.All(bad, one => Assert.Equal(
            Errno.Invalid,
            Assert.Throws<VerbsException>(() => bench.Domain.CreateAddressHandle(new WorkCompletion { Flags = one.Flags }, one.Header)).Errno));
    }

    [Fact]
    public void Multicast_groups_are_joined_by_datagram_queue_pairs_alone()
    {
        using var bench = new FakeBench();
        QueuePair queuePair = bench.CreateDatagramQueuePair();
        queuePair.AttachMulticast(IPAddress.Parse("239.1.2.3"));
        queuePair.DetachMulticast(IPAddress.Parse("ff0e::5"));
        Assert.Equal([PvrdmaCommand.AttachMulticast, PvrdmaCommand.DetachMulticast], bench.Device.Multicasts.Select(one => one.Command));
        Assert.All(bench.Device.Multicasts, one => Assert.Equal(queuePair.Handle, one.Group.QpHandle));
        Assert.Equal(IPAddress.Parse("::ffff:239.1.2.3"), AddressOf(bench.Device.Multicasts[0].Group));
        Assert.Equal(IPAddress.Parse("ff0e::5"), AddressOf(bench.Device.Multicasts[1].Group));
        Action[] bad =
        [
            () => bench.QueuePair.AttachMulticast(IPAddress.Parse("239.1.2.3")),
            () => queuePair.AttachMulticast(IPAddress.Parse("223.1.2.3")),
            () => queuePair.AttachMulticast(IPAddress.Parse("240.1.2.3")),
            () => queuePair.DetachMulticast(IPAddress.Parse("fe80::1")),
        ];
        Assert.All(bad, verb => Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(verb).Errno));
        bench.Device.Errors[PvrdmaCommand.DetachMulticast] = Errno.Invalid;
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => queuePair.DetachMulticast(IPAddress.Parse("239.9.9.9"))).Errno);
        Assert.Equal(2, bench.Device.Multicasts.Count);
    }

    private static IPAddress AddressOf(PvrdmaMulticast command) => new((ReadOnlySpan<byte>)command.Group);

    private static WorkCompletion WithHeader => new() { Flags = CompletionFlags.GlobalRouteHeader };

    private static byte[] IPv4Header(string source, string destination)
    {
        var header = new byte[40];
        Span<byte> ip = header.AsSpan(20);
        ip[0] = 0x45;
        ip[1] = 0xB9;
        ip[3] = 100;
        ip[8] = 61;
        ip[9] = 17;
        IPAddress.Parse(source).TryWriteBytes(ip[12..], out _);
        IPAddress.Parse(destination).TryWriteBytes(ip[16..], out _);
        uint sum = 0;
        for (int i = 0; i < 20; i += 2)
            sum += BinaryPrimitives.ReadUInt16BigEndian(ip[i..]);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], (ushort)~((sum & 0xFFFF) + (sum >> 16)));
        return header;
    }

    private static byte[] IPv6Header(string source, string destination)
    {
        var header = new byte[40];
        BinaryPrimitives.WriteUInt32BigEndian(header, 0x6AB12345);
        header[6] = 17;
        header[7] = 33;
        IPAddress.Parse(source).TryWriteBytes(header.AsSpan(8), out _);
        IPAddress.Parse(destination).TryWriteBytes(header.AsSpan(24), out _);
        return header;
    }
}
