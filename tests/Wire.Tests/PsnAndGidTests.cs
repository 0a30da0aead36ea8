using System.Net;
using CsCheck;
using RoceEngine.Wire;

namespace Wire.Tests;

public class PsnAndGidTests
{
    [Theory]
    [InlineData(0u, 0u, 0)]
    [InlineData(1u, 0u, 1)]
    [InlineData(0u, 1u, -1)]
    [InlineData(0u, 0xFF_FFFFu, 1)]
    [InlineData(0xFF_FFFFu, 0u, -1)]
    [InlineData(0x7F_FFFFu, 0u, 0x7F_FFFF)]
    [InlineData(0x80_0000u, 0u, -0x80_0000)]
    public void Distance_is_signed_and_wraps(uint left, uint right, int expected) =>
        Assert.Equal(expected, new Psn(left).DistanceFrom(new Psn(right)));

    [Fact]
    public void Adding_a_distance_leads_back() =>
        Gen.Select(Gen.UInt, Gen.Int[-0x80_0000, 0x7F_FFFF]).Sample((value, distance) =>
        {
            var psn = new Psn(value);
            Psn moved = psn + distance;
            return moved.DistanceFrom(psn) == distance && moved - distance == psn && moved.Value < Psn.Modulus;
        });

    [Fact]
    public void Only_24_bits_count()
    {
        Assert.Equal(new Psn(5), new Psn(0xAB00_0005));
        Assert.Equal(0u, (new Psn(0xFF_FFFF) + 1u).Value);
        Assert.NotEqual(new Psn(5), new Psn(6));
    }

    [Theory]
    [InlineData("127.0.0.2", true)]
    [InlineData("255.255.255.255", true)]
    [InlineData("fd77::2", false)]
    [InlineData("::1", false)]
    public void A_gid_is_its_ip_address(string text, bool isIPv4)
    {
        IPAddress address = IPAddress.Parse(text);
        Gid gid = Gid.From(address);
        Assert.Equal(isIPv4, gid.IsIPv4);
        Assert.Equal(address, gid.ToIPAddress());
        Assert.Equal(text, gid.ToString());
        byte[] bytes = new byte[16];
        gid.Write(bytes);
        Assert.Equal(gid, Gid.Read(bytes));
        Assert.Equal(address.MapToIPv6().GetAddressBytes(), bytes);
    }

    [Fact]
    public void A_mapped_ipv6_address_is_the_ipv4_address() =>
        Assert.Equal(Gid.From(IPAddress.Parse("10.1.2.3")), Gid.From(IPAddress.Parse("::ffff:10.1.2.3")));
}
