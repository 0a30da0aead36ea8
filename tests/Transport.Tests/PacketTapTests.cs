using System.Diagnostics;
using RoceEngine.Capture;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace Transport.Tests;

/// <summary>What a tap sees of each link, and that a capture made of it opens without complaint.</summary>
public unsafe class PacketTapTests : IDisposable
{
    private readonly NativeBuffer _memory = new(1 << 18);

    private sealed record Seen(
        Gid Source, Gid Destination, ushort SourcePort, byte Tos, ushort Identification, byte[] Datagram, bool Outgoing, long NowNs);

    private sealed class RecordingTap : IPacketTap
    {
        public List<Seen> All { get; } = [];

        public void OnDatagram(
            in Gid source, in Gid destination, ushort sourcePort, byte tos, ushort identification, ReadOnlySpan<byte> udpPayload, bool outgoing, long nowNs) =>
            All.Add(new Seen(source, destination, sourcePort, tos, identification, udpPayload.ToArray(), outgoing, nowNs));
    }

    public void Dispose()
    {
        _memory.Dispose();
        GC.SuppressFinalize(this);
    }

    private Packet Run(Opcode opcode, uint psn, int bytes, int psnCount, MemorySegment* segments)
    {
        Packet packet = TestPackets.Make(opcode, psn);
        segments[0] = new MemorySegment(_memory.Pointer, bytes / 3);
        segments[1] = new MemorySegment(_memory.Pointer + 100_000, bytes - bytes / 3);
        packet.Segments = segments;
        packet.SegmentCount = 2;
        packet.PayloadBytes = bytes;
        packet.PsnCount = psnCount;
        packet.Flags = PacketFlags.AcknowledgeRequest | PacketFlags.SolicitedEvent;
        return packet;
    }

    private byte[] RunBytes(int bytes) => [.. _memory.Span[..(bytes / 3)], .. _memory.Span.Slice(100_000, bytes - bytes / 3)];

    [Fact]
    public void A_udp_link_shows_what_it_sends_and_what_it_receives_with_the_same_identification()
    {
        using UdpLink sender = TestAddresses.OpenLink();
        using UdpLink receiver = TestAddresses.OpenLink();
        var sent = new RecordingTap();
        var received = new RecordingTap();
        sender.Tap = sent;
        receiver.Tap = received;
        var route = new Route(sender.Address, receiver.Address, trafficClass: 0x20);
        for (uint i = 0; i < 30; i++)
        {
            var segment = new MemorySegment(_memory.Pointer + i, i % 4 == 0 ? 1024 : 100 + (int)i);
            sender.Emit(TestPackets.WithPayload(TestPackets.Make(Opcode.RcSendOnly, i), &segment), route);
        }
        sender.Flush();
        var counter = new CountingReceiver();
        long deadline = Environment.TickCount64 + 10_000;
        while (counter.Packets < 30 && Environment.TickCount64 < deadline)
            receiver.Receive(counter, 100);

        Assert.Equal(30, received.All.Count);
        Assert.Equal(sent.All.Select(seen => Convert.ToHexString(seen.Datagram)), received.All.Select(seen => Convert.ToHexString(seen.Datagram)));
        Assert.Equal(sent.All.Select(seen => seen.Identification), received.All.Select(seen => seen.Identification));
        Assert.Contains(sent.All, seen => seen.Identification > 0);
        Assert.All(sent.All, seen => Assert.True(seen.Outgoing && seen.Tos == 0x20 && seen.SourcePort == 4791));
        Assert.All(received.All, seen => Assert.False(seen.Outgoing));
        long nowNs = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
        Assert.All(sent.All, seen => Assert.InRange(nowNs - seen.NowNs, 0, 600_000_000_000));

        sender.Tap = null;
        receiver.Tap = null;
        sender.Emit(TestPackets.Make(Opcode.RcAcknowledge), route);
        sender.Flush();
        Assert.Equal(30, sent.All.Count);
    }

    [Fact]
    public void A_udp_link_shows_malformed_datagrams_too()
    {
        using UdpLink link = TestAddresses.OpenLink();
        using var peer = new PlainSocket();
        var tap = new RecordingTap();
        link.Tap = tap;
        peer.Send(link.Address, [1, 2, 3]);
        long deadline = Environment.TickCount64 + 10_000;
        while (tap.All.Count == 0 && Environment.TickCount64 < deadline)
            link.Receive(new CountingReceiver(), 10);
        Assert.Equal([1, 2, 3], Assert.Single(tap.All).Datagram);
    }

    public static TheoryData<Opcode, Opcode[]> Runs => new()
    {
        { Opcode.RcWriteOnlyImmediate, [Opcode.RcWriteFirst, Opcode.RcWriteMiddle, Opcode.RcWriteMiddle, Opcode.RcWriteLastImmediate] },
        { Opcode.RcWriteOnly, [Opcode.RcWriteFirst, Opcode.RcWriteMiddle, Opcode.RcWriteMiddle, Opcode.RcWriteLast] },
        { Opcode.RcSendOnly, [Opcode.RcSendFirst, Opcode.RcSendMiddle, Opcode.RcSendMiddle, Opcode.RcSendLast] },
        { Opcode.RcSendOnlyImmediate, [Opcode.RcSendFirst, Opcode.RcSendMiddle, Opcode.RcSendMiddle, Opcode.RcSendLastImmediate] },
        { Opcode.RcSendOnlyInvalidate, [Opcode.RcSendFirst, Opcode.RcSendMiddle, Opcode.RcSendMiddle, Opcode.RcSendLastInvalidate] },
        { Opcode.UcSendOnly, [Opcode.UcSendFirst, Opcode.UcSendMiddle, Opcode.UcSendMiddle, Opcode.UcSendLast] },
        { Opcode.UcWriteOnlyImmediate, [Opcode.UcWriteFirst, Opcode.UcWriteMiddle, Opcode.UcWriteMiddle, Opcode.UcWriteLastImmediate] },
        {
            Opcode.RcReadResponseOnly,
            [Opcode.RcReadResponseFirst, Opcode.RcReadResponseMiddle, Opcode.RcReadResponseMiddle, Opcode.RcReadResponseLast]
        },
        { Opcode.RcWriteFirst, [Opcode.RcWriteFirst, Opcode.RcWriteMiddle, Opcode.RcWriteMiddle, Opcode.RcWriteMiddle] },
        { Opcode.RcSendMiddle, [Opcode.RcSendMiddle, Opcode.RcSendMiddle, Opcode.RcSendMiddle, Opcode.RcSendMiddle] },
        { Opcode.RcReadResponseMiddle, [.. Enumerable.Repeat(Opcode.RcReadResponseMiddle, 4)] },
        { Opcode.RcSendLastInvalidate, [Opcode.RcSendMiddle, Opcode.RcSendMiddle, Opcode.RcSendMiddle, Opcode.RcSendLastInvalidate] },
        { Opcode.RcReadResponseLast, [Opcode.RcReadResponseMiddle, Opcode.RcReadResponseMiddle, Opcode.RcReadResponseMiddle, Opcode.RcReadResponseLast] },
    };

    [Theory]
    [MemberData(nameof(Runs))]
    public void A_local_run_is_shown_as_the_packets_of_the_wire(Opcode opcode, Opcode[] pieces)
    {
        var source = Gid.FromIPv4(0x7F0B_0001);
        var destination = Gid.FromIPv4(0x7F0B_0002);
        using var local = new LocalSwitch { Tap = new RecordingTap() };
        local.Attach(destination, new CountingReceiver());
        MemorySegment* segments = stackalloc MemorySegment[2];
        foreach ((int pathMtuBytes, int lastBytes) in ((int, int)[])[(256, 1), (1024, 1024), (4096, 1001)])
        {
            var tap = new RecordingTap();
            local.Tap = tap;
            int bytes = (pieces.Length - 1) * pathMtuBytes + lastBytes;
            Packet run = Run(opcode, Psn.Modulus - 2, bytes, pieces.Length, segments);
            local.Emit(run, new Route(source, destination));

            Assert.Equal(pieces, tap.All.Select(seen => (Opcode)seen.Datagram[0]));
            var payload = new List<byte>();
            for (int i = 0; i < pieces.Length; i++)
            {
                Seen seen = tap.All[i];
                Assert.True(PacketCodec.TryDecode(seen.Datagram, out Packet packet, out _));
                Assert.True(IcrcVerifier.TryVerify(source, destination, seen.SourcePort, seen.Datagram, out ushort identification));
                Assert.Equal(seen.Identification, identification);
                Assert.Equal(run.Psn + i, packet.Psn);
                Assert.Equal(i == pieces.Length - 1 ? run.Flags : PacketFlags.None, packet.Flags);
                if ((OpcodeTable.For(pieces[i]).Traits & PacketTraits.HasReth) != 0)
                    Assert.Equal((run.RemoteAddress, run.RemoteKey, run.DmaLength), (packet.RemoteAddress, packet.RemoteKey, packet.DmaLength));
                payload.AddRange(seen.Datagram.AsSpan(OpcodeTable.For(pieces[i]).HeaderBytes, packet.PayloadBytes));
            }
            Assert.True(payload.ToArray().AsSpan().SequenceEqual(RunBytes(bytes)));
        }
    }

    [Fact]
    public void A_local_read_request_is_one_packet_however_many_psns_it_takes()
    {
        var tap = new RecordingTap();
        using var local = new LocalSwitch { Tap = tap };
        var destination = Gid.FromIPv4(0x7F0B_0002);
        local.Attach(destination, new CountingReceiver());
        Packet request = TestPackets.Make(Opcode.RcReadRequest, 3);
        request.PsnCount = 17;
        local.Emit(request, new Route(Gid.FromIPv4(0x7F0B_0001), destination));
        Assert.Equal((byte)Opcode.RcReadRequest, Assert.Single(tap.All).Datagram[0]);
    }

    [Fact]
    public void A_capture_of_all_links_opens_in_tshark_without_a_malformed_packet()
    {
        const string tshark = "/usr/bin/tshark";
        Assert.SkipUnless(File.Exists(tshark), "tshark is not installed");

        var tap = new RecordingTap();
        EmitEverything(tap);
        string file = Path.Combine(Path.GetTempPath(), $"vrdma-tap-{Environment.ProcessId}.pcapng");
        try
        {
            using (var writer = new CaptureWriter(File.Create(file)))
            {
                foreach (Seen seen in tap.All)
                {
                    writer.WriteDatagram(
                        seen.Source, seen.Destination, seen.SourcePort, seen.Tos, seen.Identification, seen.Datagram, seen.NowNs,
                        seen.Outgoing ? CaptureDirection.Outbound : CaptureDirection.Inbound);
                }
            }

            string[] lines = Output(
                tshark, "-r", file, "-o", "ip.check_checksum:TRUE", "-T", "fields", "-e", "infiniband.bth.opcode", "-e", "infiniband.bth.psn", "-e", "_ws.malformed", "-e", "_ws.expert.severity", "-e", "ip.checksum.status");
            Assert.Equal(tap.All.Count, lines.Length);
            for (int i = 0; i < lines.Length; i++)
            {
                string[] fields = lines[i].Split('\t');
                Assert.Equal(tap.All[i].Datagram[0].ToString(), fields[0]);
                Assert.Equal("", fields[2]);
                Assert.True(fields[3].Length == 0 || fields[3].Split(',').All(severity => int.Parse(severity) < 0x600000), lines[i]);
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    private void EmitEverything(IPacketTap tap)
    {
        var left = Gid.FromIPv4(0x7F0B_0001);
        var right = Gid.FromIPv4(0x7F0B_0002);
        using var local = new LocalSwitch { Tap = tap };
        local.Attach(right, new CountingReceiver());
        MemorySegment* segments = stackalloc MemorySegment[2];
        local.Emit(Run(Opcode.RcWriteOnly, 1, 10_000, 10, segments), new Route(left, right));

        var network = new SimulatedNetwork(1) { Tap = tap };
        SimulatedLink simulated = network.CreateLink(Gid.Read([0xFD, .. new byte[14], 1]));
        var routeV6 = new Route(simulated.Address, Gid.Read([0xFD, .. new byte[14], 2]));

        using UdpLink udp = TestAddresses.OpenLink();
        using var peer = new PlainSocket();
        udp.Tap = tap;
        var route = new Route(udp.Address, peer.Address);
        foreach (ILink link in (ILink[])[simulated, udp])
        {
            foreach (Opcode opcode in TestPackets.AllOpcodes.Where(opcode => opcode != Opcode.CongestionNotification))
            {
                bool hasPayload = (OpcodeTable.For(opcode).Traits & PacketTraits.HasPayload) != 0;
                Packet packet = hasPayload ? Run(opcode, 7, 123, 1, segments) : TestPackets.Make(opcode, 7);
                link.Emit(packet, link == udp ? route : routeV6);
            }
            link.Flush();
        }
    }

    private static string[] Output(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors.Result);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
