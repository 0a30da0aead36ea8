using System.Net;
using RoceEngine.Addresses;

namespace Addresses.Tests;

public class NeighbourMessageTests
{
    private static readonly byte[] s_linkAddress = [0x02, 0x11, 0x22, 0x33, 0x44, 0x55];

    [Theory]
    [InlineData(false, "0001" + "0800" + "06" + "04" + "0001" + "021122334455" + "0A0C000A" + "000000000000" + "0A0C000A")]
    [InlineData(true, "0001" + "0800" + "06" + "04" + "0002" + "021122334455" + "0A0C000A" + "021122334455" + "0A0C000A")]
    public void Gratuitous_arp_names_the_address_as_sender_and_target(bool isReply, string expected)
    {
        byte[] packet = Filled(NeighbourMessages.ArpBytes);
        NeighbourMessages.WriteArp(packet, isReply, IPAddress.Parse("10.12.0.10"), s_linkAddress);
        Assert.Equal(expected, Convert.ToHexString(packet));
    }

    [Fact]
    public void An_unsolicited_advertisement_overrides_and_carries_the_link_address()
    {
        byte[] message = Filled(NeighbourMessages.AdvertisementBytes);
        NeighbourMessages.WriteAdvertisement(message, IPAddress.Parse("fd12::10"), s_linkAddress);
        Assert.Equal(
            "88" + "00" + "0000" + "20000000" + "FD120000000000000000000000000010" + "02" + "01" + "021122334455",
            Convert.ToHexString(message));
    }

    /// <summary>Nothing of what was in the buffer before may leave.</summary>
    private static byte[] Filled(int bytes)
    {
        var buffer = new byte[bytes];
        buffer.AsSpan().Fill(0xEE);
        return buffer;
    }
}
