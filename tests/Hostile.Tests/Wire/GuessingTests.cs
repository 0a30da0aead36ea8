using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Hostile.Tests.Wire;

/// <summary>Ten million guesses at what a stranger cannot know.</summary>
public sealed class GuessingTests
{
    private const int Guesses = 10_000_000;

    private static readonly Opcode[] Requests =
    [
        Opcode.RcWriteOnly, Opcode.RcReadRequest, Opcode.RcSendOnly, Opcode.RcFetchAdd, Opcode.RcCompareSwap, Opcode.RcWriteFirst, Opcode.UcWriteOnly,
        Opcode.RcAcknowledge,
    ];

    /// <summary>QPN, PSN and key guessed, under the peer's own address: none is accepted, no QP is in error, and the connection goes on.</summary>
    [Fact]
    public void Ten_million_guesses_of_number_sequence_and_key_are_all_refused()
    {
        using var target = new WireTarget();
        ulong state = 0x2026_1122;
        Packet packet = target.Packet(Opcode.RcWriteOnly);
        for (int i = 0; i < Guesses; i++)
        {
            state = (state * 6_364_136_223_846_793_005) + 1_442_695_040_888_963_407;
            packet.Opcode = Requests[i & 7];
            packet.DestinationQpn = (uint)(state >> 40);
            packet.Psn = new Psn((uint)(state >> 16));
            packet.RemoteKey = (uint)(state >> 8);
            target.Guest.Device.HandlePacket(packet, target.Peer, target.Guest.NowNs);
        }

        target.Turn();
        AssertUnmoved(target);
        target.Receive(target.Packet(Opcode.RcWriteOnly, 64));
        Assert.Equal(0xA5, target.Region.ToArray(0, 1)[0]);
    }

    /// <summary>The QPN is known, the PSN and the key are not.</summary>
    [Fact]
    public void A_million_guesses_of_sequence_and_key_write_nothing()
    {
        using var target = new WireTarget();
        ulong state = 77;
        for (int i = 0; i < 1_000_000; i++)
        {
            state = (state * 6_364_136_223_846_793_005) + 1_442_695_040_888_963_407;
            uint psn = (uint)(state >> 16) & 0xFF_FFFF;
            if (psn != WireTarget.FirstPsn)
            {
                target.Receive(target.Packet(Opcode.RcWriteOnly, 64) with { Psn = new Psn(psn), RemoteKey = (uint)(state >> 32) });
            }

            if ((i & 1023) == 0)
            {
                target.Turn();
            }
        }

        target.Turn();
        Assert.Equal(QueuePairState.ReadyToSend, target.State);
        target.AssertUntouched();
        target.Receive(target.Packet(Opcode.RcWriteOnly, 64));
        Assert.Equal(0xA5, target.Region.ToArray(0, 1)[0]);
    }

    /// <summary>QPN and PSN are known: an unreliable connection, which no wrong key ends, so that a stranger may try as often as he likes.</summary>
    [Fact]
    public void Ten_million_guesses_of_a_key_open_nothing()
    {
        using var target = new WireTarget(TransportService.UnreliableConnection);
        ulong state = 99;
        for (int i = 0; i < Guesses; i++)
        {
            state = (state * 6_364_136_223_846_793_005) + 1_442_695_040_888_963_407;
            uint key = (uint)(state >> 32);
            if (key != target.Region.Key)
            {
                target.Receive(target.Packet(Opcode.UcWriteOnly, 64, i) with { RemoteKey = key });
            }
        }

        target.Turn();
        Assert.Equal(QueuePairState.ReadyToSend, target.State);
        target.AssertUntouched();
        target.Receive(target.Packet(Opcode.UcWriteOnly, 64, Guesses));
        Assert.Equal(0xA5, target.Region.ToArray(0, 1)[0]);
    }

    private static void AssertUnmoved(WireTarget target)
    {
        Assert.Empty(target.Queue.PollAll());
        Assert.Empty(target.Guest.ReadEvents());
        Assert.Equal(QueuePairState.ReadyToSend, target.State);
        target.AssertUntouched();
    }
}
