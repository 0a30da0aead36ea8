using System.Net.Security;
using System.Net.Sockets;

namespace RoceEngine.HostStream.Tests;

public sealed class TlsConnectionTests(Lab lab) : HostConnectionContract, IClassFixture<Lab>
{
    protected override StreamSecurity Security { get; } = lab.Security();

    protected override string ExpectedPeerName => "alpha";

    protected override async Task<Stream> ConnectRawAsync(Socket socket)
    {
        (SslStream stream, string? verdict) = await Security.AuthenticateAsClientAsync(
            new NetworkStream(socket, ownsSocket: true), "127.0.0.1", TestContext.Current.CancellationToken);
        Assert.Null(verdict);
        return stream;
    }
}
