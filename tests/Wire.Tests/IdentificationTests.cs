using RoceEngine.Wire;

namespace Wire.Tests;

public class IdentificationTests
{
    /// <summary>Every length of a datagram without payload, around block sizes, of each path MTU, and the largest.</summary>
    public static TheoryData<int> PayloadLengths =>
        [0, 1, 2, 3, 4, 8, 12, 16, 20, 64, 100, 127, 128, 240, 244, 256, 509, 512, 1000, 1024, 1027, 2048, 4092, 4096];

    [Theory, MemberData(nameof(PayloadLengths))]
    public void All_65536_identifications_are_recovered(int payloadBytes)
    {
        byte[] packet = Packets.Send(payloadBytes);
        var pseudo = new IcrcPseudo(Packets.Left, Packets.Right, 0xC001);
        for (int identification = 0; identification <= ushort.MaxValue; identification++)
        {
            uint state = Icrc.Begin(pseudo, packet.AsSpan(..^Icrc.Length), packet.Length, (ushort)identification);
            Icrc.Write(packet.AsSpan(^Icrc.Length..), state);
            bool fits = IcrcVerifier.TryVerify(Packets.Left, Packets.Right, 0xC001, packet, out ushort recovered);
            if (!fits || recovered != identification)
            {
                Assert.Fail($"identification {identification} at {payloadBytes} bytes: fits {fits}, recovered {recovered}");
            }
        }
    }

    [Fact]
    public void Every_length_recovers_with_df_set_and_with_df_clear()
    {
        for (int payloadBytes = 0; payloadBytes <= RoceUdp.PayloadBytesMax; payloadBytes++)
        {
            ushort identification = (ushort)(payloadBytes * 40503);
            foreach (bool isSet in (bool[])[true, false])
            {
                byte[] packet = Packets.Send(payloadBytes, identification, isSet);
                Assert.True(IcrcVerifier.TryVerify(
                    Packets.Left, Packets.Right, 0xC001, packet, out ushort recovered, out bool dontFragment));
                Assert.Equal(identification, recovered);
                Assert.Equal(isSet, dontFragment);
                Assert.Equal(isSet, IcrcVerifier.TryVerify(Packets.Left, Packets.Right, 0xC001, packet, out _));
            }
        }
    }

    [Fact]
    public void Lengths_beyond_the_kept_powers_work_too()
    {
        byte[] bytes = new byte[60_000];
        new Random(3).NextBytes(bytes);
        var pseudo = new IcrcPseudo(Packets.Left, Packets.Right, 7);
        Icrc.Write(bytes.AsSpan(^4..), Icrc.Begin(pseudo, bytes.AsSpan(..^4), bytes.Length, 0xBEEF));
        Assert.True(IcrcVerifier.TryVerify(Packets.Left, Packets.Right, 7, bytes, out ushort identification));
        Assert.Equal(0xBEEF, identification);
        uint zero = Icrc.Finish(Icrc.Begin(pseudo, bytes.AsSpan(..^4), bytes.Length));
        Assert.Equal(Icrc.Read(bytes.AsSpan(^4..)), zero ^ Icrc.ShiftIdentification(0xBEEF, bytes.Length));
    }

    [Fact]
    public void Threads_that_fill_the_kept_powers_together_all_get_the_same()
    {
        // Lengths that are no multiple of four occur in no other test, so that the threads meet empty places.
        Parallel.For(0, 8, _ =>
        {
            for (int bytes = 5001; bytes < 9000; bytes += 4)
            {
                uint forward = IdentificationDistance.Forward(bytes);
                Assert.Equal(Crc32Field.PowerOfX((8L * (bytes + 16)) + 32), forward);
                Assert.Equal(Crc32Field.One, Crc32Field.Multiply(forward, IdentificationDistance.Back(bytes)));
            }
        });
    }
}
