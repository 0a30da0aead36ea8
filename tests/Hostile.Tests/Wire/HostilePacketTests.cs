using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Hostile.Tests.Wire;

/// <summary>Packets that lie, handed to the responder of a device.</summary>
public sealed class HostilePacketTests
{
    public static TheoryData<TransportService, QueuePairState> ServicesAndStates()
    {
        var rows = new TheoryData<TransportService, QueuePairState>();
        foreach (TransportService service in Enum.GetValues<TransportService>())
        {
            foreach (QueuePairState state in Enum.GetValues<QueuePairState>())
            {
                if (state != QueuePairState.SendQueueError)
                {
                    rows.Add(service, state);
                }
            }
        }

        return rows;
    }

    /// <summary>All 256 opcodes, with and without payload, of the right PSN and of others: a QP that does not receive takes none of them.</summary>
    [Theory]
    [MemberData(nameof(ServicesAndStates))]
    public void Every_opcode_in_every_state_harms_nobody(TransportService service, QueuePairState state)
    {
        bool receives = state is QueuePairState.ReadyToReceive or QueuePairState.ReadyToSend or QueuePairState.SendQueueDrained;
        for (int opcode = 0; opcode < 256; opcode++)
        {
            using var target = new WireTarget(service, state);
            target.Qp.TryWriteReceive(new PvrdmaReceiveWqe { WorkRequestId = 1, SgeCount = 1 }, [target.Region.Sge(0, 4096)]);
            foreach (int psnOffset in new[] { 0, 1, -1, 0x7F_FFFF, -0x7F_FFFF })
            {
                foreach (int bytes in new[] { 0, 8, WireTarget.MtuBytes, 4096 })
                {
                    target.Receive(target.Packet((Opcode)opcode, bytes, psnOffset));
                }
            }

            target.Turn();
            target.Turn();
            Assert.False(target.Guest.Device.IsFatal);
            if (!receives)
            {
                Assert.Equal(state, target.State);
                target.AssertUntouched();
                Assert.Empty(target.Sent);
            }
            else if (service != TransportService.ReliableConnection)
            {
                // Nothing that comes from the wire ends an unreliable QP.
                Assert.Equal(state, target.State);
                Assert.Empty(target.Sent);
            }
            else
            {
                Assert.Contains(target.State, new[] { state, QueuePairState.Error });
            }
        }
    }

    /// <summary>From an address that is not the peer's, no opcode at all has an effect.</summary>
    [Theory]
    [InlineData(TransportService.ReliableConnection)]
    [InlineData(TransportService.UnreliableConnection)]
    public void Packets_from_the_wrong_source_are_counted_and_have_no_effect(TransportService service)
    {
        using var target = new WireTarget(service);
        target.Qp.TryWriteReceive(new PvrdmaReceiveWqe { WorkRequestId = 1, SgeCount = 1 }, [target.Region.Sge(0, 4096)]);
        foreach (Gid source in new[] { Gid.FromIPv4(0x0A00_00FF), target.Guest.Device.Gid, default, Gid.From(System.Net.IPAddress.Parse("fe80::1")) })
        {
            for (int opcode = 0; opcode < 256; opcode++)
            {
                target.Receive(target.Packet((Opcode)opcode, 64), source);
            }
        }

        target.Turn();
        Assert.Equal(4 * 256, target.Counters.DroppedWrongSource);
        Assert.Empty(target.Sent);
        Assert.Empty(target.Queue.PollAll());
        target.AssertUntouched();
        target.Receive(target.Packet(Opcode.RcWriteOnly | (Opcode)(service == TransportService.ReliableConnection ? 0 : 0x20), 64));
        Assert.Equal(0xA5, target.Region.ToArray(0, 1)[0]);
    }

    [Theory]
    [InlineData(TransportService.ReliableConnection, Opcode.RcWriteOnly)]
    [InlineData(TransportService.ReliableConnection, Opcode.RcReadRequest)]
    [InlineData(TransportService.ReliableConnection, Opcode.RcSendOnly)]
    [InlineData(TransportService.ReliableConnection, Opcode.RcAcknowledge)]
    [InlineData(TransportService.UnreliableConnection, Opcode.UcWriteOnly)]
    [InlineData(TransportService.UnreliableDatagram, Opcode.UdSendOnly)]
    public void Packets_of_another_partition_have_no_effect(TransportService service, Opcode opcode)
    {
        using var target = new WireTarget(service);
        target.Qp.TryWriteReceive(new PvrdmaReceiveWqe { WorkRequestId = 1, SgeCount = 1 }, [target.Region.Sge(0, 4096)]);
        int bytes = OpcodeTable.For(opcode).HasAny(PacketTraits.HasPayload) ? 64 : 0;
        foreach (ushort key in new ushort[] { 0, 1, 0x8001, 0x7FFE, 0xFFFE, 0x8000 })
        {
            target.Receive(target.Packet(opcode, bytes) with { PartitionKey = key });
        }

        target.Turn();
        Assert.Empty(target.Sent);
        Assert.Empty(target.Queue.PollAll());
        Assert.Equal(QueuePairState.ReadyToSend, target.State);
        target.AssertUntouched();
    }

    /// <summary>Every opcode under another partition's key, and every key there is: only full and limited members of the default partition are heard.</summary>
    [Theory]
    [InlineData(TransportService.ReliableConnection, Opcode.RcWriteOnly)]
    [InlineData(TransportService.UnreliableConnection, Opcode.UcWriteOnly)]
    public void Connections_hear_no_other_partition_whatever_it_says(TransportService service, Opcode write)
    {
        using var target = new WireTarget(service);
        target.Qp.TryWriteReceive(new PvrdmaReceiveWqe { WorkRequestId = 1, SgeCount = 1 }, [target.Region.Sge(0, 4096)]);
        for (int opcode = 0; opcode < 256; opcode++)
        {
            target.Receive(target.Packet((Opcode)opcode, 64) with { PartitionKey = 0x8001 });
            target.Receive(target.Packet((Opcode)opcode) with { PartitionKey = 0x7FFE });
        }

        for (int key = 0; key < 0x1_0000; key++)
        {
            if (key is not (0x7FFF or 0xFFFF))
            {
                target.Receive(target.Packet(write, 64) with { PartitionKey = (ushort)key });
            }
        }

        target.Turn();
        Assert.Equal(0x1_0000 - 2 + 512, target.Counters.DroppedWrongPartition);
        Assert.Empty(target.Sent);
        Assert.Empty(target.Queue.PollAll());
        Assert.Equal(QueuePairState.ReadyToSend, target.State);
        target.AssertUntouched();
        target.Receive(target.Packet(write, 64) with { PartitionKey = 0x7FFF });
        Assert.Equal(0xA5, target.Region.ToArray(0, 1)[0]);
    }

    [Fact]
    public void A_datagram_with_the_wrong_queue_key_has_no_effect()
    {
        using var target = new WireTarget(TransportService.UnreliableDatagram);
        target.Qp.TryWriteReceive(new PvrdmaReceiveWqe { WorkRequestId = 1, SgeCount = 1 }, [target.Region.Sge(0, 4096)]);
        for (int bit = 0; bit < 32; bit++)
        {
            target.Receive(target.Packet(Opcode.UdSendOnly, 64) with { QueueKey = WireTarget.QueueKey ^ (1u << bit) });
        }

        target.Turn();
        Assert.Equal(32, target.Counters.DroppedWrongQueueKey);
        Assert.Empty(target.Queue.PollAll());
        target.AssertUntouched();
    }

    public static TheoryData<Opcode, ulong, uint> Wraps()
    {
        var rows = new TheoryData<Opcode, ulong, uint>();
        foreach (Opcode opcode in new[] { Opcode.RcWriteOnly, Opcode.RcWriteFirst, Opcode.RcReadRequest })
        {
            rows.Add(opcode, ulong.MaxValue, 1024);
            rows.Add(opcode, ulong.MaxValue - 1023, 1024);
            rows.Add(opcode, ulong.MaxValue - 1022, 1024);
            rows.Add(opcode, 0, 1024);
            rows.Add(opcode, 0x7000_0000_0000 - 1, 1024);
            rows.Add(opcode, 0x7000_0000_0000 + 8192 - 1023, 1024);
            rows.Add(opcode, 0x7000_0000_0000 + 8192, 1024);
            rows.Add(opcode, 0xF000_7000_0000_0000, 1024);
        }

        rows.Add(Opcode.RcWriteFirst, 0x7000_0000_0000, 0x8000_0000);
        rows.Add(Opcode.RcReadRequest, 0x7000_0000_0000, 0x8000_0000);
        rows.Add(Opcode.RcReadRequest, 0x7000_0000_0000, 8193);
        rows.Add(Opcode.RcReadRequest, ulong.MaxValue - 100, 0x8000_0000);
        return rows;
    }

    [Theory]
    [MemberData(nameof(Wraps))]
    public void Addresses_and_lengths_that_leave_the_region_or_wrap_are_refused(Opcode opcode, ulong address, uint length)
    {
        using var target = new WireTarget();
        int payload = opcode == Opcode.RcReadRequest ? 0 : 1024;
        uint dmaLength = opcode == Opcode.RcWriteFirst ? Math.Max(length, 2048) : length;
        target.Receive(target.Packet(opcode, payload) with { RemoteAddress = address, DmaLength = dmaLength });
        AssertRefused(target, NakCode.RemoteAccessError);
    }

    public static TheoryData<string> LengthLies =>
    [
        "only shorter than its DMA length", "only longer than its DMA length", "only longer than the MTU", "first shorter than the MTU", "first longer than the MTU",
        "first that holds all", "DMA length beyond 2^31", "DMA length of all ones", "last of nothing", "READ beyond 2^31", "middle that is empty",
        "last beyond the DMA length", "middle without first", "last without first", "first within a message", "read within a message", "send within a write",
    ];

    [Theory]
    [MemberData(nameof(LengthLies))]
    public void Lengths_and_sequences_that_contradict_each_other_are_invalid_requests(string lie)
    {
        using var target = new WireTarget();
        int next = 0;
        void First()
        {
            target.Receive(target.Packet(Opcode.RcWriteFirst, 1024) with { DmaLength = 3000 });
            next = 1;
        }

        switch (lie)
        {
            case "only shorter than its DMA length": target.Receive(target.Packet(Opcode.RcWriteOnly, 64) with { DmaLength = 65 }); break;
            case "only longer than its DMA length": target.Receive(target.Packet(Opcode.RcWriteOnly, 64) with { DmaLength = 63 }); break;
            case "only longer than the MTU": target.Receive(target.Packet(Opcode.RcWriteOnly, 1025)); break;
            case "first shorter than the MTU": target.Receive(target.Packet(Opcode.RcWriteFirst, 1023) with { DmaLength = 3000 }); break;
            case "first longer than the MTU": target.Receive(target.Packet(Opcode.RcWriteFirst, 2048) with { DmaLength = 3000 }); break;
            case "first that holds all": target.Receive(target.Packet(Opcode.RcWriteFirst, 1024)); break;
            case "DMA length beyond 2^31": target.Receive(target.Packet(Opcode.RcWriteFirst, 1024) with { DmaLength = 0x8000_0001 }); break;
            case "DMA length of all ones": target.Receive(target.Packet(Opcode.RcWriteFirst, 1024) with { DmaLength = uint.MaxValue }); break;
            case "READ beyond 2^31": target.Receive(target.Packet(Opcode.RcReadRequest) with { DmaLength = 0x8000_0001 }); break;
            case "middle without first": target.Receive(target.Packet(Opcode.RcWriteMiddle, 1024)); break;
            case "last without first": target.Receive(target.Packet(Opcode.RcWriteLast, 64)); break;
            case "last of nothing": First(); target.Receive(target.Packet(Opcode.RcWriteLast, 0, 1)); break;
            case "middle that is empty": First(); target.Receive(target.Packet(Opcode.RcWriteMiddle, 0, 1)); break;
            case "last beyond the DMA length":
                First();
                target.Receive(target.Packet(Opcode.RcWriteMiddle, 1024, 1));
                target.Receive(target.Packet(Opcode.RcWriteLast, 953, 2));
                break;
            case "first within a message": First(); target.Receive(target.Packet(Opcode.RcWriteFirst, 1024, 1) with { DmaLength = 3000 }); break;
            case "read within a message": First(); target.Receive(target.Packet(Opcode.RcReadRequest, 0, 1) with { DmaLength = 64 }); break;
            default: First(); target.Receive(target.Packet(Opcode.RcSendMiddle, 1024, 1)); break;
        }

        AssertRefused(target, NakCode.InvalidRequest, untouched: next == 0);
    }

    [Fact]
    public void Congestion_notifications_without_end_change_nothing_but_speed()
    {
        using var target = new WireTarget();
        for (int i = 0; i < 100_000; i++)
        {
            target.Receive(target.Packet(Opcode.CongestionNotification, 0, i));
        }

        target.Turn();
        Assert.Empty(target.Sent);
        Assert.Equal(QueuePairState.ReadyToSend, target.State);
        target.Post(PvrdmaWrOpcode.RdmaWrite, 64);
        Assert.Equal(Opcode.RcWriteOnly, Assert.Single(target.Sent).Opcode);
        target.AssertUntouched();
    }

    /// <summary>A peer that sends beyond one hole for ever, and asks for no acknowledgement, is told once of the hole; one that asks, once in a turn.</summary>
    [Theory]
    [InlineData(PacketFlags.None, 1)]
    [InlineData(PacketFlags.AcknowledgeRequest, 101)]
    public void A_flood_of_holes_is_not_answered_by_a_flood(PacketFlags flags, int answersMax)
    {
        using var target = new WireTarget();
        for (int i = 0; i < 10_000; i++)
        {
            target.Receive(target.Packet(Opcode.RcWriteOnly, 1024, 2 + (i % 1000)) with { Flags = flags });
            if (i % 100 == 0)
            {
                target.Turn();
            }
        }

        target.Turn();
        Assert.InRange(target.Sent.Count, 1, answersMax);
        Assert.All(target.Sent, packet => Assert.Equal(AethSyndrome.Nak(NakCode.PsnSequenceError).Value, packet.Syndrome));
        Assert.Equal(QueuePairState.ReadyToSend, target.State);
        target.AssertUntouched();
    }

    private static void AssertRefused(WireTarget target, NakCode code, bool untouched = true)
    {
        target.Turn();
        Packet answer = Assert.Single(target.Sent);
        Assert.Equal((Opcode.RcAcknowledge, AethSyndrome.Nak(code).Value), (answer.Opcode, answer.Syndrome));
        Assert.Equal(QueuePairState.Error, target.State);
        if (untouched)
        {
            target.AssertUntouched();
        }

        // After the end nothing is taken any more.
        target.Receive(target.Packet(Opcode.RcWriteOnly, 64, 1));
        target.Turn();
        Assert.Single(target.Sent);
    }
}
