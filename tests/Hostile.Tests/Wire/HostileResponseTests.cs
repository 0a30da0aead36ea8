using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Hostile.Tests.Wire;

/// <summary>Responses that nobody asked for, or that lie, handed to the completer of a device.</summary>
public sealed class HostileResponseTests
{
    private static readonly Opcode[] Responses =
    [
        Opcode.RcAcknowledge, Opcode.RcAtomicAcknowledge, Opcode.RcReadResponseFirst, Opcode.RcReadResponseMiddle, Opcode.RcReadResponseLast,
        Opcode.RcReadResponseOnly,
    ];

    /// <summary>With nothing under way, no response of any syndrome or PSN completes, breaks or writes anything.</summary>
    [Fact]
    public void Responses_nobody_asked_for_are_dropped()
    {
        using var target = new WireTarget();
        foreach (Opcode opcode in Responses)
        {
            for (int syndrome = 0; syndrome < 256; syndrome++)
            {
                foreach (int psnOffset in new[] { 0, -1, 1, 1000, -1000, 0x7F_FFFF, -0x7F_FFFF })
                {
                    int bytes = OpcodeTable.For(opcode).HasAny(PacketTraits.HasPayload) ? 1024 : 0;
                    target.Receive(target.Packet(opcode, bytes, psnOffset) with { Syndrome = (byte)syndrome });
                }
            }
        }

        target.Turn();
        AssertUnmoved(target);
    }

    /// <summary>READ and atomic responses to a WRITE: none of them is taken for its acknowledgement, none writes.</summary>
    [Theory]
    [InlineData(Opcode.RcAtomicAcknowledge)]
    [InlineData(Opcode.RcReadResponseFirst)]
    [InlineData(Opcode.RcReadResponseMiddle)]
    [InlineData(Opcode.RcReadResponseLast)]
    [InlineData(Opcode.RcReadResponseOnly)]
    public void A_response_of_the_wrong_kind_writes_nothing(Opcode opcode)
    {
        using var target = new WireTarget();
        target.Post(PvrdmaWrOpcode.RdmaWrite, 64);
        for (int syndrome = 0; syndrome < 256; syndrome++)
        {
            foreach (int bytes in new[] { 0, 64, 1024 })
            {
                target.Receive(target.Packet(opcode, bytes) with { Syndrome = (byte)syndrome });
            }
        }

        target.Turn();
        target.AssertUntouched();
        Assert.DoesNotContain(target.Queue.PollAll(), entry => entry.Status == (uint)PvrdmaWcStatus.Success);
    }

    public static TheoryData<string> ReadLies =>
        ["longer", "much longer", "empty", "shorter", "beyond the request", "long before", "an acknowledgement instead", "an atomic's instead", "wrong source"];

    /// <summary>What a READ's responses may write is what was asked for: 3,000 bytes here, in three packets.</summary>
    [Theory]
    [MemberData(nameof(ReadLies))]
    public void A_read_response_that_lies_writes_nothing(string lie)
    {
        using var target = new WireTarget();
        target.Post(PvrdmaWrOpcode.RdmaRead, 3000);
        Assert.Equal(Opcode.RcReadRequest, Assert.Single(target.Sent).Opcode);
        Packet first = target.Packet(Opcode.RcReadResponseFirst, 1024) with { Syndrome = AethSyndrome.Ack().Value };
        switch (lie)
        {
            case "longer": target.Receive(first with { PayloadBytes = 1028 }); break;
            case "much longer": target.Receive(first with { PayloadBytes = 4096 }); break;
            case "empty": target.Receive(first with { PayloadBytes = 0 }); break;
            case "shorter": target.Receive(first with { PayloadBytes = 1020 }); break;
            case "beyond the request": target.Receive(first with { Psn = first.Psn + 3, PayloadBytes = 1024 }); break;
            case "long before": target.Receive(first with { Psn = first.Psn - 1 }); break;
            case "an acknowledgement instead": target.Receive(target.Packet(Opcode.RcAcknowledge) with { Syndrome = first.Syndrome }); break;
            case "an atomic's instead": target.Receive(target.Packet(Opcode.RcAtomicAcknowledge) with { Syndrome = first.Syndrome, OriginalValue = ulong.MaxValue }); break;
            default: target.Receive(first, Gid.FromIPv4(0x0A00_0099)); break;
        }

        target.Turn();
        target.AssertUntouched();
        Assert.DoesNotContain(target.Queue.PollAll(), entry => entry.Status == (uint)PvrdmaWcStatus.Success);
    }

    /// <summary>More responses than were asked for: the surplus touches nothing behind the buffer.</summary>
    [Fact]
    public void Responses_beyond_the_end_of_a_read_are_dropped()
    {
        using var target = new WireTarget();
        target.Post(PvrdmaWrOpcode.RdmaRead, 2048);
        byte syndrome = AethSyndrome.Ack().Value;
        target.Receive(target.Packet(Opcode.RcReadResponseFirst, 1024) with { Syndrome = syndrome });
        for (int i = 1; i < 10; i++)
        {
            target.Receive(target.Packet(Opcode.RcReadResponseMiddle, 1024, i) with { Syndrome = syndrome });
            target.Receive(target.Packet(Opcode.RcReadResponseLast, 1024, i) with { Syndrome = syndrome });
        }

        target.Turn();
        Assert.Equal((uint)PvrdmaWcStatus.Success, Assert.Single(target.Queue.PollAll()).Status);
        Assert.All(target.Region.ToArray(0, 2048), value => Assert.Equal(0xA5, value));
        Assert.Equal(unchecked((byte)((2048 * 31) + (2048 >> 8) + 1)), target.Region.ToArray(2048, 1)[0]);
    }

    /// <summary>Acknowledgements of what was never sent complete nothing.</summary>
    [Fact]
    public void Ghost_acknowledgements_complete_nothing()
    {
        using var target = new WireTarget();
        target.Post(PvrdmaWrOpcode.RdmaWrite, 5000);
        for (int offset = 5; offset < 0x7F_FFFF; offset += 4099)
        {
            target.Receive(target.Packet(Opcode.RcAcknowledge, 0, offset) with { Syndrome = AethSyndrome.Ack().Value });
            target.Receive(target.Packet(Opcode.RcAcknowledge, 0, -offset) with { Syndrome = AethSyndrome.Ack().Value });
        }

        target.Turn();
        Assert.Empty(target.Queue.PollAll());
        Assert.Equal(QueuePairState.ReadyToSend, target.State);
        target.Receive(target.Packet(Opcode.RcAcknowledge, 0, 4) with { Syndrome = AethSyndrome.Ack().Value });
        target.Turn();
        Assert.Equal((uint)PvrdmaWcStatus.Success, Assert.Single(target.Queue.PollAll()).Status);
    }

    /// <summary>Every syndrome, reserved ones too, ends in a retry, an error, or nothing: never in a success that was not one.</summary>
    [Fact]
    public void Every_syndrome_is_survived()
    {
        for (int syndrome = 0; syndrome < 256; syndrome++)
        {
            using var target = new WireTarget();
            target.Post(PvrdmaWrOpcode.RdmaWrite, 64);
            target.Receive(target.Packet(Opcode.RcAcknowledge) with { Syndrome = (byte)syndrome });
            target.Turn();
            bool isAck = new AethSyndrome((byte)syndrome).Kind == SyndromeKind.Ack;
            List<PvrdmaCqe> done = target.Queue.PollAll();
            Assert.Equal(isAck, done.Any(entry => entry.Status == (uint)PvrdmaWcStatus.Success));
            Assert.True(done.Count <= 1);
            target.AssertUntouched();
        }
    }

    private static void AssertUnmoved(WireTarget target)
    {
        Assert.Empty(target.Sent);
        Assert.Empty(target.Queue.PollAll());
        Assert.Empty(target.Guest.ReadEvents());
        Assert.Equal(QueuePairState.ReadyToSend, target.State);
        target.AssertUntouched();
    }
}
