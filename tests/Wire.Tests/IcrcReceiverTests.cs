using CsCheck;
using RoceEngine.Wire;

namespace Wire.Tests;

public class IcrcReceiverTests
{
    private static bool Receive(IcrcReceiver receiver, byte[] packet, out ushort identification) =>
        receiver.TryVerify(Packets.Left, Packets.Right, 0xC001, packet, out identification);

    [Fact]
    public void A_sender_that_sets_df_is_accepted_at_once()
    {
        Assert.True(Receive(new IcrcReceiver(), Packets.Send(10, 77), out ushort identification));
        Assert.Equal(77, identification);
    }

    [Fact]
    public void A_sender_that_leaves_df_clear_is_accepted_once_it_has_shown_so()
    {
        var receiver = new IcrcReceiver();
        for (ushort i = 0; i < IcrcReceiver.DatagramsToLearn; i++)
        {
            Assert.False(Receive(receiver, Packets.Send(10, i, dontFragment: false), out _));
        }

        for (ushort i = 100; i < 200; i++)
        {
            Assert.True(Receive(receiver, Packets.Send(10, i, dontFragment: false), out ushort identification));
            Assert.Equal(i, identification);
        }

        Assert.True(Receive(receiver, Packets.Send(10, 5), out _));
        Assert.False(Receive(receiver, Packets.Send(10, 5, dontFragment: false), out _));
    }

    [Fact]
    public void Damage_that_looks_like_a_clear_df_is_rejected_between_good_datagrams()
    {
        // The one place in a datagram of this size where the flip of one bit looks so.
        var receiver = new IcrcReceiver();
        byte[] damaged = Packets.Send(1024, 1);
        damaged[173] ^= 1 << 3;
        Assert.True(IcrcVerifier.TryVerify(Packets.Left, Packets.Right, 0xC001, damaged, out _, out bool dontFragment));
        Assert.False(dontFragment);
        for (int i = 0; i < 100; i++)
        {
            Assert.False(Receive(receiver, damaged, out _));
            Assert.True(Receive(receiver, Packets.Send(1024, 1), out _));
        }
    }

    [Fact]
    public void Each_sender_has_a_habit_of_its_own()
    {
        var receiver = new IcrcReceiver();
        var other = Gid.FromIPv4(Packets.Left.IPv4 + 1);
        for (int i = 0; i <= IcrcReceiver.DatagramsToLearn; i++)
        {
            Receive(receiver, Packets.Send(10, 1, dontFragment: false), out _);
        }

        byte[] fromOther = Packets.Encode(
            new Packet { Opcode = Opcode.RcSendOnly }, other, Packets.Right, 0xC001, dontFragment: false);
        Assert.False(receiver.TryVerify(other, Packets.Right, 0xC001, fromOther, out _));
        Assert.True(Receive(receiver, Packets.Send(10, 1, dontFragment: false), out _));
    }

    [Fact]
    public void Verification_allocates_nothing()
    {
        var receiver = new IcrcReceiver();
        byte[] set = Packets.Send(1024, 9);
        byte[] clear = Packets.Send(1000, 9, dontFragment: false);
        Receive(receiver, set, out _);
        Receive(receiver, clear, out _);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            Receive(receiver, set, out _);
            Receive(receiver, clear, out _);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Verifying_and_copying_at_once_says_what_verifying_says_and_leaves_the_payload_in_its_pieces() => Gen.Select(
        Gen.Int[16, 4096], Gen.Int[1, 4096], Gen.UShort, Gen.Int[-1, 4200], Gen.Bool)
        .Sample((payloadBytes, cut, identification, damagedAt, dontFragment) =>
        {
            byte[] packet = Packets.Send(payloadBytes & ~3, identification, dontFragment: dontFragment);
            if (damagedAt >= BthView.Length && damagedAt < packet.Length)
            {
                packet[damagedAt] ^= 0x10;
            }

            ReadOnlySpan<byte> payload = packet.AsSpan(BthView.Length..^Icrc.Length);
            byte[] first = GC.AllocateArray<byte>(Math.Clamp(cut, 1, payload.Length - 1), pinned: true);
            byte[] second = GC.AllocateArray<byte>(payload.Length - first.Length, pinned: true);
            bool isGood = Copy(packet, first, second, out ushort recovered);

            bool expected = IcrcVerifier.TryVerify(Packets.Left, Packets.Right, 0xC001, packet, out ushort known, out bool isSet) && isSet;
            Assert.Equal((expected, known), (isGood, recovered));
            Assert.Equal(payload.ToArray(), (byte[])[.. first, .. second]);
        });

    private static unsafe bool Copy(byte[] packet, byte[] first, byte[] second, out ushort identification)
    {
        fixed (byte* a = first, b = second)
        {
            MemorySegment* pieces = stackalloc MemorySegment[] { new(a, first.Length), new(b, second.Length) };
            var place = new SegmentWriter(pieces);
            return IcrcVerifier.TryVerifyAndCopy(Packets.Left, Packets.Right, 0xC001, packet, BthView.Length, ref place, out identification);
        }
    }
}
