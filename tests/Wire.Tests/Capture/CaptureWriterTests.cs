using System.Buffers.Binary;
using CsCheck;
using RoceEngine.Capture;
using RoceEngine.Wire;

namespace Wire.Tests.Capture;

public class CaptureWriterTests
{
    private static ushort OnesComplementSum(IEnumerable<byte> bytes)
    {
        byte[] even = [.. bytes];
        uint sum = 0;
        for (int i = 0; i < even.Length; i += 2)
        {
            sum += (uint)((even[i] << 8) | (i + 1 < even.Length ? even[i + 1] : 0));
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)sum;
    }

    private static byte[] WriteOne(
        in Gid source, in Gid destination, byte tos, ushort identification, byte[] payload, long timestampNs, CaptureDirection direction)
    {
        var stream = new MemoryStream();
        using (var writer = new CaptureWriter(stream))
        {
            writer.WriteDatagram(source, destination, 0xC123, tos, identification, payload, timestampNs, direction);
            Assert.Equal(1, writer.DatagramCount);
            Assert.Equal(stream.Length, writer.ByteCount);
        }

        return stream.ToArray();
    }

    [Fact]
    public void What_is_written_is_read_back_with_right_headers_and_checksums() =>
        Gen.Select(Gen.Byte.Array[0, 400], Gen.Bool, Gen.Byte, Gen.UShort, Gen.Long[0, long.MaxValue]).Sample(
            (payload, isIPv6, tos, identification, timestampNs) =>
        {
            Gid source = isIPv6 ? Packets.Left6 : Packets.Left;
            Gid destination = isIPv6 ? Packets.Right6 : Packets.Right;
            var direction = (CaptureDirection)(tos % 3);
            byte[] file = WriteOne(source, destination, tos, identification, payload, timestampNs, direction);
            CapturedFrame frame = Assert.Single(CaptureFiles.ReadAll(file));
            Assert.Equal((timestampNs, LinkType.Raw), (frame.TimestampNs, frame.LinkType));

            byte[] ip = frame.Bytes.ToArray();
            int ipBytes = isIPv6 ? 40 : 20;
            Assert.Equal(ipBytes + 8 + payload.Length, ip.Length);
            Assert.Equal(payload, ip[(ipBytes + 8)..]);
            byte[] length = [0, 0, (byte)((payload.Length + 8) >> 8), (byte)(payload.Length + 8)];
            byte[] addresses = isIPv6 ? ip[8..40] : ip[12..20];
            Assert.Equal(0xFFFF, OnesComplementSum([.. addresses, .. length, 0, 17, .. ip[ipBytes..]]));
            Assert.NotEqual(0, BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(ipBytes + 6)));
            Assert.Equal((0xC123, 4791), (
                BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(ipBytes)), BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(ipBytes + 2))));
            if (isIPv6)
            {
                Assert.Equal(tos, (byte)(BinaryPrimitives.ReadUInt32BigEndian(ip) >> 20));
                Assert.Equal(payload.Length + 8, BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(4)));
            }
            else
            {
                Assert.Equal(tos, ip[1]);
                Assert.Equal(ip.Length, BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(2)));
                Assert.Equal(identification, BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(4)));
                Assert.Equal(0x4000, BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(6)));
                Assert.Equal(0xFFFF, OnesComplementSum(ip[..20]));
            }
        }, iter: 300);

    [Fact]
    public void A_written_capture_decodes_with_both_icrcs_right()
    {
        var stream = new MemoryStream();
        using (var writer = new CaptureWriter(stream, leaveOpen: true))
        {
            for (int bytes = 0; bytes <= 64; bytes++)
            {
                writer.WriteDatagram(
                    Packets.Left, Packets.Right, 0xC001, 2, (ushort)(bytes * 1000), Packets.Send(bytes, (ushort)(bytes * 1000)), bytes);
            }

            writer.WriteDatagram(
                Packets.Left, Packets.Right, 0xC001, 0, 9, Packets.Send(9, 9, dontFragment: false), 100, dontFragment: false);
        }

        stream.Position = 0;
        List<DecodedPacket> packets = [.. PacketDecoder.Decode(stream)];
        Assert.Equal(66, packets.Count);
        Assert.All(packets, packet =>
        {
            Assert.Equal((IcrcVerdict.Match, IcrcVerdict.Match), (packet.PacketIcrc, packet.PayloadIcrc));
            Assert.Equal(packet.IpIdentification, packet.RecoveredIdentification);
        });
    }

    [Fact]
    public void The_largest_datagram_is_written_and_a_larger_one_refused()
    {
        using var writer = new CaptureWriter(Stream.Null);
        writer.WriteDatagram(Packets.Left6, Packets.Right6, 1, 0, 0, new byte[65_507], 0, CaptureDirection.Inbound);
        Assert.Throws<ArgumentException>(() => writer.WriteDatagram(Packets.Left, Packets.Right, 1, 0, 0, new byte[65_508], 0));
        Assert.Equal(1, writer.DatagramCount);
    }

    [Fact]
    public void Writing_allocates_nothing_per_datagram()
    {
        using var writer = new CaptureWriter(Stream.Null);
        byte[] payload = Packets.Send(1024);
        writer.WriteDatagram(Packets.Left, Packets.Right, 1, 0, 0, payload, 0, CaptureDirection.Inbound);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            writer.WriteDatagram(Packets.Left, Packets.Right, 1, 0, 0, payload, i, CaptureDirection.Inbound);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
