using System.Net;

namespace RoceEngine.Verbs.Tests;

public sealed class QueuePairAddressTests
{
    [Theory]
    [InlineData("127.0.0.2", "00002a:8f01c3:127.0.0.2")]
    [InlineData("fd00::1:2", "00002a:8f01c3:fd00::1:2")]
    [InlineData("::1", "00002a:8f01c3:::1")]
    public void The_text_form_round_trips(string address, string text)
    {
        var original = new QueuePairAddress(IPAddress.Parse(address), 0x2A, 0x8F01C3);
        Assert.Equal(text, original.ToString());
        Assert.Equal(original, QueuePairAddress.Parse(text));
        Assert.Equal(original, QueuePairAddress.Parse(text + "\r\n"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("12:34")]
    [InlineData("1000000:1:127.0.0.1")]
    [InlineData("1:1000000:127.0.0.1")]
    [InlineData("1:-1:127.0.0.1")]
    [InlineData("1:2:localhost")]
    [InlineData("x:2:127.0.0.1")]
    public void Anything_else_is_refused(string? text)
    {
        Assert.False(QueuePairAddress.TryParse(text, null, out _));
        Assert.Throws<FormatException>(() => QueuePairAddress.Parse(text!));
    }

    [Fact]
    public void A_random_psn_has_24_bits()
    {
        uint[] psns = [.. Enumerable.Range(0, 1000).Select(_ => QueuePairAddress.RandomPsn())];
        Assert.All(psns, psn => Assert.InRange(psn, 0u, 0xFF_FFFFu));
        Assert.True(psns.Distinct().Count() > 900);
    }
}
