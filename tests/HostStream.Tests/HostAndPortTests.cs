namespace RoceEngine.HostStream.Tests;

public sealed class HostAndPortTests
{
    [Theory]
    [InlineData("a.example:1", "a.example", 1)]
    [InlineData("127.0.0.1:65535", "127.0.0.1", 65535)]
    [InlineData("[::1]:2", "::1", 2)]
    [InlineData("[fe80::1%eth0]:4793", "fe80::1%eth0", 4793)]
    public void A_host_and_a_port_are_read_and_written_alike_with_a_default_or_without(string text, string host, int port)
    {
        foreach (int? defaultPort in new int?[] { null, 4793 })
        {
            Assert.True(HostAndPort.TryParse(text, defaultPort, out HostAndPort? read));
            Assert.Equal(new HostAndPort(host, port), read);
            Assert.Equal(text, read.ToString());
        }
    }

    [Theory]
    [InlineData("a.example", "a.example")]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("::1", "::1")]
    [InlineData("fd12::3", "fd12::3")]
    [InlineData("[fd12::3]", "fd12::3")]
    public void A_missing_port_is_the_default_where_there_is_one(string text, string host)
    {
        Assert.True(HostAndPort.TryParse(text, 4793, out HostAndPort? read));
        Assert.Equal(new HostAndPort(host, 4793), read);
        Assert.False(HostAndPort.TryParse(text, defaultPort: null, out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("-a:1")]
    [InlineData("[-a]:1")]
    [InlineData(":")]
    [InlineData(":2")]
    [InlineData("a:")]
    [InlineData("a:0")]
    [InlineData("a:b")]
    [InlineData("a: 1")]
    [InlineData("a:+1")]
    [InlineData("a:70000")]
    [InlineData("127.0.0.1:70000")]
    [InlineData("a:99999999999")]
    [InlineData("a b:1")]
    [InlineData("[]")]
    [InlineData("[]:1")]
    [InlineData("[::1")]
    [InlineData("[::1:1")]
    [InlineData("::1]")]
    [InlineData("[::1]1")]
    [InlineData("[::1]:")]
    [InlineData("[[::1]]:1")]
    public void What_is_none_is_refused_with_a_default_and_without(string text)
    {
        Assert.False(HostAndPort.TryParse(text, 4793, out HostAndPort? read));
        Assert.Null(read);
        Assert.False(HostAndPort.TryParse(text, defaultPort: null, out read));
        Assert.Null(read);
    }
}
