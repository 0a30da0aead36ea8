namespace RoceEngine.Wire.Tests;

public class IcrcTrainTests
{
    private static readonly Gid Near4 = Gid.FromIPv4(0x7F0A_0001);
    private static readonly Gid Far4 = Gid.FromIPv4(0x7F0A_0002);
    private static readonly Gid Near6 = new(0xFD00_0000_0000_0000, 1);
    private static readonly Gid Far6 = new(0xFD00_0000_0000_0000, 2);

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Each_datagram_gets_the_icrc_that_it_has_alone(bool isIPv4, bool isNumbered)
    {
        IcrcPseudo pseudo = isIPv4 ? new IcrcPseudo(Near4, Far4, RoceUdp.Port) : new IcrcPseudo(Near6, Far6, RoceUdp.Port);
        var random = new Random(7);
        for (int datagramBytes = BthView.Length + Icrc.Length; datagramBytes <= 300; datagramBytes++)
        {
            int count = 1 + (datagramBytes % 11);
            byte[] train = new byte[count * datagramBytes];
            random.NextBytes(train);
            byte[] expected = [.. train];
            IcrcTrain.WriteOneByOne(pseudo, expected, datagramBytes, isNumbered && isIPv4);

            IcrcTrain.Write(pseudo, train, datagramBytes, isNumbered);

            Assert.Equal(expected, train);
        }
    }

    [Fact]
    public void The_last_datagram_of_the_longest_train_is_numbered_as_well()
    {
        const int datagramBytes = 96;
        var pseudo = new IcrcPseudo(Near4, Far4, RoceUdp.Port);
        byte[] train = new byte[IcrcTrain.DatagramsMax * datagramBytes];

        IcrcTrain.Write(pseudo, train, datagramBytes, isNumbered: true);

        Assert.True(IcrcVerifier.TryVerify(Near4, Far4, RoceUdp.Port, train.AsSpan()[^datagramBytes..], out ushort identification));
        Assert.Equal(IcrcTrain.DatagramsMax - 1, identification);
    }

    [Theory]
    [InlineData(15, 15)]
    [InlineData(95, 96)]
    [InlineData((IcrcTrain.DatagramsMax + 1) * 16, 16)]
    public void What_is_no_train_is_refused(int bytes, int datagramBytes)
    {
        var pseudo = new IcrcPseudo(Near4, Far4, RoceUdp.Port);
        Assert.Throws<ArgumentException>(() => IcrcTrain.Write(pseudo, new byte[bytes], datagramBytes, isNumbered: true));
    }
}
