using System.Net.Sockets;
using System.Text;

namespace RoceEngine.HostStream.Tests;

public sealed class VersionHandshakeTests
{
    [Fact]
    public async Task The_highest_common_version_is_chosen()
    {
        await using var hosts = new Hosts(Versions(2, 5));
        (HostConnection caller, HostConnection called) = await hosts.ConnectAsync(Versions(1, 3));
        Assert.Equal(3, caller.Version);
        Assert.Equal(3, called.Version);
        await caller.DisposeAsync();
        await called.DisposeAsync();
    }

    [Theory]
    [InlineData(1, 1, 7, 9)]
    [InlineData(7, 9, 1, 1)]
    public async Task Hosts_without_a_common_version_part_with_a_reason(
        ushort lowest, ushort highest, ushort otherLowest, ushort otherHighest)
    {
        await using var hosts = new Hosts(Versions(lowest, highest));
        HostStreamException failure = await hosts.ConnectInVainAsync(Versions(otherLowest, otherHighest));
        string reason = $"this host speaks versions {lowest} to {highest}, the other {otherLowest} to {otherHighest}";
        Assert.Equal(HostStreamFault.Refused, failure.Fault);
        Assert.Equal($"the host at 127.0.0.1:{hosts.Port} refused this one, it says: {reason}", failure.Message);
        Assert.EndsWith(": " + reason, hosts.NextRefusal());
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n", "no greeting")]
    [InlineData("VRDMAHSX\u0001\0\u0001\0\0\0", "no greeting")]
    [InlineData("VRDMAHST\u0001\0\u0001\0\u007f\u007f", "no greeting")]
    public async Task Garbage_instead_of_a_greeting_is_refused(string garbage, string expected)
    {
        await using var hosts = new Hosts(Hosts.Options(StreamSecurity.Insecure));
        using Socket socket = await hosts.ConnectRawAsync();
        await socket.SendAsync(Encoding.Latin1.GetBytes(garbage));
        HandshakeMessage? answer = await HandshakeMessage.ReadAsync(new NetworkStream(socket), "the listener", hosts.Limit);
        Assert.NotNull(answer);
        Assert.True(answer.Value.IsRefusal);
        Assert.Contains(expected, answer.Value.Text);
        Assert.Contains(expected, hosts.NextRefusal());
    }

    [Fact]
    public async Task A_caller_that_leaves_in_the_middle_of_its_greeting_is_reported()
    {
        await using var hosts = new Hosts(Hosts.Options(StreamSecurity.Insecure));
        Socket socket = await hosts.ConnectRawAsync();
        await socket.SendAsync("VRDMAHST"u8.ToArray());
        socket.Dispose();
        Assert.EndsWith("closed the connection before its greeting was complete", hosts.NextRefusal());
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.6\r\n", "is no greeting of a vRDMA host")]
    [InlineData("VRDMAHST\u0009\0\0\0\0\0", "chose version 9, which this host did not offer")]
    [InlineData("VRDMAHST\0\0\0\0\u0004\0no\u001b!", "it says: no?!")]
    public async Task Whoever_answers_nonsense_is_left(string answer, string expected)
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        Task<HostConnection> calling = HostConnection.ConnectAsync("127.0.0.1", ((System.Net.IPEndPoint)listener.LocalEndpoint).Port,
            Hosts.Options(StreamSecurity.Insecure), TestContext.Current.CancellationToken);
        using Socket socket = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        await socket.SendAsync(Encoding.Latin1.GetBytes(answer));
        HostStreamException failure = await Assert.ThrowsAsync<HostStreamException>(() => calling);
        Assert.Equal(HostStreamFault.Refused, failure.Fault);
        Assert.Contains(expected, failure.Message);
    }

    private static HostStreamOptions Versions(ushort lowest, ushort highest) =>
        new() { Security = StreamSecurity.Insecure, LowestVersion = lowest, HighestVersion = highest };
}
