using RoceEngine.Wire;

namespace Wire.Tests;

public class AethSyndromeTests
{
    [Theory]
    [InlineData(0x00, SyndromeKind.Ack, 0)]
    [InlineData(0x1F, SyndromeKind.Ack, 31)]
    [InlineData(0x20, SyndromeKind.RnrNak, 0)]
    [InlineData(0x3F, SyndromeKind.RnrNak, 31)]
    [InlineData(0x40, SyndromeKind.Reserved, 0)]
    [InlineData(0x60, SyndromeKind.Nak, 0)]
    [InlineData(0x63, SyndromeKind.Nak, 3)]
    [InlineData(0x80, SyndromeKind.Reserved, 0)]
    [InlineData(0xE1, SyndromeKind.Reserved, 1)]
    public void Kind_and_code_come_from_their_bits(byte value, SyndromeKind kind, byte code)
    {
        var syndrome = new AethSyndrome(value);
        Assert.Equal(kind, syndrome.Kind);
        Assert.Equal(code, syndrome.Code);
    }

    [Fact]
    public void What_is_composed_is_read_back()
    {
        for (byte code = 0; code < 32; code++)
        {
            Assert.Equal((SyndromeKind.Ack, code), (AethSyndrome.Ack(code).Kind, AethSyndrome.Ack(code).Code));
            Assert.Equal((SyndromeKind.RnrNak, code), (AethSyndrome.RnrNak(code).Kind, AethSyndrome.RnrNak(code).Code));
        }

        Assert.Equal(0x1F, AethSyndrome.Ack().Value);
        Assert.Equal(0x60, AethSyndrome.Nak(NakCode.PsnSequenceError).Value);
        Assert.Equal(0x61, AethSyndrome.Nak(NakCode.InvalidRequest).Value);
        Assert.Equal(0x62, AethSyndrome.Nak(NakCode.RemoteAccessError).Value);
        Assert.Equal(0x63, AethSyndrome.Nak(NakCode.RemoteOperationalError).Value);
    }

    [Fact]
    public void Credit_codes_stand_for_the_specifications_counts()
    {
        int[] expected =
        [
            0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072,
            4096, 6144, 8192, 12288, 16384, 24576, 32768, -1,
        ];
        Assert.Equal(expected, Enumerable.Range(0, 32).Select(code => AethSyndrome.CreditsOf((byte)code)));
    }

    [Fact]
    public void Rnr_waits_are_those_of_the_specification()
    {
        double[] milliseconds =
        [
            655.36, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.16, 0.24, 0.32, 0.48, 0.64, 0.96, 1.28, 1.92,
            2.56, 3.84, 5.12, 7.68, 10.24, 15.36, 20.48, 30.72, 40.96, 61.44, 81.92, 122.88, 163.84, 245.76, 327.68, 491.52,
        ];
        for (int index = 0; index < RnrTimer.Count; index++)
        {
            Assert.Equal((long)Math.Round(milliseconds[index] * 1_000_000), RnrTimer.Nanoseconds(index));
            Assert.Equal(RnrTimer.Microseconds(index) * 1_000L, RnrTimer.Nanoseconds(index));
        }

        Assert.Equal(RnrTimer.Nanoseconds(5), RnrTimer.Nanoseconds(5 + 32));
    }

    [Theory]
    [InlineData(0x1F, "ACK")]
    [InlineData(0x05, "ACK credits=6")]
    [InlineData(0x2C, "RNR_NAK timer=640us")]
    [InlineData(0x60, "NAK PsnSequenceError")]
    [InlineData(0x6A, "NAK code=10")]
    [InlineData(0x41, "reserved 0x41")]
    public void A_syndrome_reads_as_words(byte value, string expected) => Assert.Equal(expected, new AethSyndrome(value).ToString());
}
