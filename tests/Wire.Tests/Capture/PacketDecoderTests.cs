using System.Buffers.Binary;
using System.Net;
using System.Text.Json;
using RoceEngine.Capture;
using RoceEngine.Wire;

namespace Wire.Tests.Capture;

public class PacketDecoderTests
{
    private static readonly byte[] EthernetAddresses = new byte[12];

    /// <summary>An IPv4 packet around a datagram, as the writer composes it.</summary>
    private static byte[] Ip(byte[] udpPayload, ushort identification = 0, bool isIPv6 = false)
    {
        var stream = new MemoryStream();
        using (var writer = new CaptureWriter(stream, leaveOpen: true))
        {
            writer.WriteDatagram(
                isIPv6 ? Packets.Left6 : Packets.Left, isIPv6 ? Packets.Right6 : Packets.Right, 0xC001, 0, identification, udpPayload, 0);
        }

        return CaptureFiles.ReadAll(stream.ToArray())[0].Bytes.ToArray();
    }

    private static List<DecodedPacket> Decode(LinkType linkType, DecodeSummary? summary, params byte[][] frames)
    {
        CaptureFiles file = new CaptureFiles(false).PcapHeader(true, (int)linkType);
        foreach (byte[] frame in frames)
        {
            file.PcapRecord(10, 20, frame);
        }

        return [.. PacketDecoder.Decode(new MemoryStream(file.ToArray()), summary)];
    }

    public static TheoryData<string> GoldenFiles => [.. Golden.IPv4Files, .. Golden.IPv6Files];

    [Theory, MemberData(nameof(GoldenFiles))]
    public void Every_packet_of_a_peer_is_well_formed_and_right_by_both_icrcs(string file)
    {
        var summary = new DecodeSummary();
        using FileStream stream = File.OpenRead(Golden.PathOf(file));
        int count = 0;
        foreach (DecodedPacket packet in PacketDecoder.Decode(stream, summary))
        {
            count++;
            Assert.True(packet.IsWellFormed, packet.ProblemName);
            Assert.Equal(IcrcVerdict.Match, packet.PacketIcrc);
            Assert.Equal(IcrcVerdict.Match, packet.PayloadIcrc);
            Assert.Equal(packet.IpIdentification, packet.RecoveredIdentification);
            using JsonDocument json = JsonDocument.Parse(DecodedPacketJson.Format(packet));
            Assert.Equal(packet.Header.Psn.Value, json.RootElement.GetProperty("psn").GetUInt32());
        }

        Assert.Equal(Golden.RocePackets(file).Count(), count);
        Assert.Equal((count, count, 0L, 0L), (summary.FrameCount, summary.RoceCount, summary.MalformedCount, summary.IcrcMismatchCount));
    }

    [Fact]
    public void Every_link_type_leads_to_the_packet()
    {
        byte[] ip = Ip(Packets.Send(5, 77), 77);
        byte[] ip6 = Ip(Packets.Encode(new Packet { Opcode = Opcode.RcSendOnly }, Packets.Left6, Packets.Right6, 0xC001), isIPv6: true);
        (LinkType Type, byte[] Frame)[] frames =
        [
            (LinkType.Raw, ip), (LinkType.RawBsd, ip), (LinkType.RawOpenBsd, ip), (LinkType.IPv4, ip), (LinkType.IPv6, ip6),
            (LinkType.Raw, ip6),
            (LinkType.Null, [2, 0, 0, 0, .. ip]),
            (LinkType.Loop, [0, 0, 0, 2, .. ip]),
            (LinkType.Ethernet, [.. EthernetAddresses, 0x08, 0x00, .. ip]),
            (LinkType.Ethernet, [.. EthernetAddresses, 0x86, 0xDD, .. ip6]),
            (LinkType.Ethernet, [.. EthernetAddresses, 0x81, 0x00, 0x00, 0x05, 0x08, 0x00, .. ip]),
            (LinkType.Ethernet, [.. EthernetAddresses, 0x88, 0xA8, 0x00, 0x05, 0x81, 0x00, 0x00, 0x06, 0x08, 0x00, .. ip]),
            (LinkType.Ethernet, [.. EthernetAddresses, 0x08, 0x00, .. ip, 0, 0, 0, 0, 0, 0]),
            (LinkType.LinuxCooked, [.. new byte[14], 0x08, 0x00, .. ip]),
            (LinkType.LinuxCooked2, [0x08, 0x00, .. new byte[18], .. ip]),
            (LinkType.LinuxCooked2, [0x86, 0xDD, .. new byte[18], .. ip6]),
        ];
        foreach (var (type, frame) in frames)
        {
            DecodedPacket packet = Assert.Single(Decode(type, null, frame));
            Assert.True(packet.IsWellFormed, $"{type}");
            Assert.Equal((IcrcVerdict.Match, IcrcVerdict.Match), (packet.PacketIcrc, packet.PayloadIcrc));
        }
    }

    [Fact]
    public void Other_traffic_is_counted_and_not_listed()
    {
        byte[] ip = Ip(Packets.Send(5));
        byte[] tcp = [.. ip];
        tcp[9] = 6;
        byte[] otherPort = [.. ip];
        otherPort[23] = 0;
        byte[] laterFragment = [.. ip];
        laterFragment[7] = 1;
        var summary = new DecodeSummary();
        List<DecodedPacket> packets = Decode(
            LinkType.Raw, summary, tcp, otherPort, laterFragment, [], [0x45], ip[..19], ip[..24], [0x60], [0xFF, 1, 2], ip);
        Assert.Equal(10, Assert.Single(packets).Number);
        Assert.Equal((10L, 1L, 9L), (summary.FrameCount, summary.RoceCount, summary.OtherCount));

        Assert.Empty(Decode(LinkType.Ethernet, null, [.. EthernetAddresses, 0x08, 0x06, .. ip], [.. EthernetAddresses, 0x08], [1, 2]));
        Assert.Empty(Decode((LinkType)147, null, ip));
    }

    [Fact]
    public void A_malformed_packet_gets_a_line_with_the_reason()
    {
        byte[] underflow = Packets.Send(0);
        underflow[1] |= 0x30;
        byte[] unknown = Packets.Send(8);
        unknown[0] = 0x1F;
        var summary = new DecodeSummary();
        List<DecodedPacket> packets = Decode(LinkType.Raw, summary, Ip(underflow), Ip(unknown), Ip([4, 0, 0]), Ip([]));
        Assert.Equal(
            [MalformedReason.PadUnderflow, MalformedReason.UnknownOpcode, MalformedReason.TooShort, MalformedReason.TooShort],
            packets.Select(packet => packet.Reason));
        Assert.All(packets, packet =>
        {
            Assert.Equal((IcrcVerdict.NotChecked, IcrcVerdict.NotChecked), (packet.PacketIcrc, packet.PayloadIcrc));
            Assert.Contains($"MALFORMED {packet.Reason}", DecodedPacketText.Format(packet, 0));
            using JsonDocument json = JsonDocument.Parse(DecodedPacketJson.Format(packet));
            Assert.Equal($"{packet.Reason}", json.RootElement.GetProperty("malformed").GetString());
        });
        Assert.Equal(4, summary.MalformedCount);
    }

    [Fact]
    public void Fragments_cut_frames_and_wrong_udp_lengths_are_told_apart()
    {
        byte[] ip = Ip(Packets.Send(100));
        byte[] fragment = [.. ip];
        fragment[6] |= 0x20;
        byte[] longUdp = [.. ip];
        BinaryPrimitives.WriteUInt16BigEndian(longUdp.AsSpan(24), 9999);
        byte[] shortUdp = [.. ip];
        BinaryPrimitives.WriteUInt16BigEndian(shortUdp.AsSpan(24), 7);
        Assert.Equal(
            [FrameProblem.IpFragment, FrameProblem.BadUdpLength, FrameProblem.BadUdpLength, FrameProblem.CutByCapture],
            Decode(LinkType.Raw, null, fragment, longUdp, shortUdp, ip[..60]).Select(packet => packet.Problem));
    }

    [Fact]
    public void Ipv6_extension_headers_are_passed_over_and_fragments_reported()
    {
        byte[] ip = Ip(Packets.Encode(new Packet { Opcode = Opcode.RcSendOnly }, Packets.Left6, Packets.Right6, 0xC001), isIPv6: true);
        Assert.Equal(FrameProblem.None, Assert.Single(Decode(LinkType.Raw, null, WithExtension(ip, 60, new byte[8]))).Problem);
        Assert.Equal(FrameProblem.None, Assert.Single(Decode(LinkType.Raw, null, WithExtension(ip, 0, [0, 1, .. new byte[14]]))).Problem);
        Assert.Equal(
            FrameProblem.IpFragment,
            Assert.Single(Decode(LinkType.Raw, null, WithExtension(ip, 44, [0, 0, 0, 1, 0, 0, 0, 9]))).Problem);
        Assert.Empty(Decode(LinkType.Raw, null, WithExtension(ip, 44, [0, 0, 0, 8, 0, 0, 0, 9])));
        Assert.Empty(Decode(LinkType.Raw, null, WithExtension(ip, 60, [0, 255, 0, 0, 0, 0, 0, 0])));
    }

    private static byte[] WithExtension(byte[] ip, byte protocol, byte[] extension)
    {
        extension[0] = 17;
        byte[] packet = [.. ip[..40], .. extension, .. ip[40..]];
        packet[6] = protocol;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)(packet.Length - 40));
        return packet;
    }

    [Fact]
    public void A_damaged_packet_is_bad_by_both_icrcs_and_another_identification_by_one()
    {
        byte[] damaged = Packets.Send(300, 5);
        damaged[173] ^= 1 << 3;
        byte[] renumbered = Ip(Packets.Send(300, 5), identification: 6);
        var summary = new DecodeSummary();
        List<DecodedPacket> packets = Decode(LinkType.Raw, summary, Ip(damaged, 5), renumbered);
        Assert.Equal((IcrcVerdict.Mismatch, IcrcVerdict.Mismatch), (packets[0].PacketIcrc, packets[0].PayloadIcrc));
        Assert.Null(packets[0].RecoveredIdentification);
        Assert.Equal((IcrcVerdict.Mismatch, IcrcVerdict.Match), (packets[1].PacketIcrc, packets[1].PayloadIcrc));
        Assert.Equal((ushort)5, packets[1].RecoveredIdentification);
        Assert.Equal(2, summary.IcrcMismatchCount);
        Assert.Contains("icrc packet=bad payload=bad", DecodedPacketText.Format(packets[0], 0));
        Assert.Contains("icrc packet=bad payload=ok identification=0x0005", DecodedPacketText.Format(packets[1], 0));
    }

    [Fact]
    public void Every_extension_header_appears_in_text_and_json()
    {
        foreach (Opcode opcode in Enum.GetValues<Opcode>())
        {
            Packet packet = Packets.Compose(
                opcode, PacketFlags.SolicitedEvent | PacketFlags.AcknowledgeRequest, [1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11, 12], 13);
            byte[] ip = Ip(Packets.Encode(packet, Packets.Left, Packets.Right, 0xC001));
            DecodedPacket decoded = Assert.Single(Decode(LinkType.Raw, null, ip));
            string text = DecodedPacketText.Format(decoded, 10_000_000_000);
            using JsonDocument json = JsonDocument.Parse(DecodedPacketJson.Format(decoded));

            Assert.Contains("0.000000020 10.1.2.3 -> 192.168.255.254 " + OpcodeTable.NameOf(opcode) + " qpn=0x000003 psn=0x000004", text);
            Assert.Contains("flags=SE,AckReq", text);
            (PacketTraits Trait, string Text, string Key)[] extensions =
            [
                (PacketTraits.HasReth, "reth[va=0x0000000000000009 rkey=0x00000006 length=7]", "reth"),
                (PacketTraits.HasAtomicEth, " atomiceth[va=0x0000000000000009 rkey=0x00000006", "atomiceth"),
                (PacketTraits.HasAeth, " aeth[ACK credits=1 msn=5]", "aeth"),
                (PacketTraits.HasAtomicAckEth, "atomicacketh[original=0x000000000000000c]", "atomicacketh"),
                (PacketTraits.HasDeth, "deth[qkey=0x00000009 srcqp=0x000002]", "deth"),
                (PacketTraits.HasImmediate, "immdt[0x00000008]", "immediate"),
                (PacketTraits.HasInvalidateKey, "ieth[rkey=0x00000008]", "invalidate_rkey"),
            ];
            foreach (var (trait, words, key) in extensions)
            {
                Assert.Equal(OpcodeTable.For(opcode).HasAny(trait), text.Contains(words));
                Assert.Equal(OpcodeTable.For(opcode).HasAny(trait), json.RootElement.TryGetProperty(key, out _));
            }

            Assert.Equal("ok", json.RootElement.GetProperty("icrc").GetProperty("payload").GetString());
            Assert.Equal(packet.PayloadBytes, json.RootElement.GetProperty("payload_bytes").GetInt32());
        }
    }

    [Fact]
    public void A_dump_is_one_line_a_packet_and_its_json_is_valid_line_by_line()
    {
        byte[] file = File.ReadAllBytes(Golden.PathOf("cm.pcap"));
        var text = new StringWriter();
        DecodeSummary summary = CaptureDump.Write(new MemoryStream(file), text, asJson: false, TestContext.Current.CancellationToken);
        string[] lines = text.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(summary.RoceCount + 1, lines.Length);
        Assert.Equal("51 frames: 51 RoCEv2 (0 malformed, 0 with a wrong ICRC), 0 other", lines[^1]);

        var json = new StringWriter();
        CaptureDump.Write(new MemoryStream(file), json, asJson: true, TestContext.Current.CancellationToken);
        string[] objects = json.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(summary.RoceCount, objects.Length);
        Assert.Equal(
            Enumerable.Range(1, 51),
            objects.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("number").GetInt32()));
    }

    [Theory]
    [InlineData(1024, 5, 512, false)]
    [InlineData(64, 64, 64, false)]
    [InlineData(4096, 2, 0, false)]
    [InlineData(0, 10, 0, false)]
    [InlineData(1024, 5, 512, true)]
    public void A_train_that_the_network_has_not_cut_yet_is_cut_here(int payloadBytes, int count, int lastPayloadBytes, bool isIPv6)
    {
        const ushort identification = 0xFFFE;
        var train = new List<byte>();
        for (int i = 0; i < count; i++)
        {
            var packet = new Packet
            {
                Opcode = Opcode.RcSendOnly,
                Psn = new Psn((uint)i),
                PayloadBytes = i == count - 1 ? lastPayloadBytes : payloadBytes,
            };
            train.AddRange(Packets.Encode(
                packet, isIPv6 ? Packets.Left6 : Packets.Left, isIPv6 ? Packets.Right6 : Packets.Right, 0xC001, (ushort)(identification + i)));
        }

        byte[] ip = Ip([.. train], identification, isIPv6);
        var summary = new DecodeSummary();
        List<DecodedPacket> packets = Decode(LinkType.Raw, summary, ip, ip);
        Assert.Equal(2 * count, packets.Count);
        for (int i = 0; i < packets.Count; i++)
        {
            DecodedPacket packet = packets[i];
            Assert.Equal((1 + (i / count), i % count, (uint)(i % count)), (packet.Number, packet.TrainIndex, packet.Header.Psn.Value));
            Assert.Equal((IcrcVerdict.Match, IcrcVerdict.Match), (packet.PacketIcrc, packet.PayloadIcrc));
            Assert.Equal(isIPv6 ? null : (ushort?)(identification + (i % count)), packet.RecoveredIdentification);
            Assert.Contains($" train[{i % count}] RC_SEND_ONLY ", DecodedPacketText.Format(packet, 0));
            Assert.Equal(i % count, JsonDocument.Parse(DecodedPacketJson.Format(packet)).RootElement.GetProperty("train_index").GetInt32());
        }

        Assert.Equal((2L, 2L * count, 0L), (summary.FrameCount, summary.RoceCount, summary.OtherCount));
    }

    [Fact]
    public void What_is_no_train_stays_one_malformed_packet()
    {
        byte[] large = new byte[30_000];
        new Random(4).NextBytes(large);
        large[0] = (byte)Opcode.RcSendOnly;
        large[1] = 0;
        Assert.Equal(MalformedReason.TooLong, Assert.Single(Decode(LinkType.Raw, null, Ip(large))).Reason);
    }

    [Fact]
    public void The_extended_operations_are_told_in_text_and_json()
    {
        var flush = new Packet { Opcode = Opcode.RcFlush, FlushOptions = 0x12, RemoteAddress = 0x10, RemoteKey = 0x20, DmaLength = 30 };
        var masked = new Packet { Opcode = Opcode.RcMaskedFetchAdd, SwapOrAdd = 1, CompareMaskOrBoundary = 0x8000, SwapMask = 0 };
        var write = new Packet { Opcode = Opcode.RcAtomicWrite, DmaLength = 8, PayloadBytes = 8 };
        DecodedPacket[] packets =
        [
            .. Decode(LinkType.Raw, null, [.. new[] { flush, masked, write }.Select(each => Ip(Packets.Encode(each, Packets.Left, Packets.Right, 0xC001)))]),
        ];
        Assert.All(packets, packet => Assert.True(packet.IsWellFormed));
        Assert.Contains(
            "RC_FLUSH qpn=0x000000 psn=0x000000 payload=0 pad=0 flags=- pkey=0x0000 feth[persistent region] reth[va=0x0000000000000010",
            DecodedPacketText.Format(packets[0], 0));
        Assert.Contains("atomicmasks[compare_or_boundary=0x0000000000008000 swap=0x0000000000000000]", DecodedPacketText.Format(packets[1], 0));
        Assert.Contains("RC_ATOMIC_WRITE", DecodedPacketText.Format(packets[2], 0));
        JsonElement json = JsonDocument.Parse(DecodedPacketJson.Format(packets[0])).RootElement;
        Assert.True(json.GetProperty("feth").GetProperty("persistent").GetBoolean());
        Assert.False(json.GetProperty("feth").GetProperty("global").GetBoolean());
        Assert.True(json.GetProperty("feth").GetProperty("whole_region").GetBoolean());
        JsonElement masks = JsonDocument.Parse(DecodedPacketJson.Format(packets[1])).RootElement.GetProperty("atomicmasks");
        Assert.Equal("0x0000000000008000", masks.GetProperty("compare_mask_or_boundary").GetString());
    }
}
