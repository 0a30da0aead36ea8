using System.Net.Sockets;

namespace RoceEngine.HostStream.Tests;

public sealed class InsecureConnectionTests : HostConnectionContract
{
    protected override StreamSecurity Security => StreamSecurity.Insecure;

    protected override string ExpectedPeerName => "insecure";

    protected override Task<Stream> ConnectRawAsync(Socket socket) => Task.FromResult<Stream>(new NetworkStream(socket, ownsSocket: true));
}
