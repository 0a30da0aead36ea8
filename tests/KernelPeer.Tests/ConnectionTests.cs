using RoceEngine.KernelPeer.Cells;

namespace KernelPeer.Tests;

/// <summary>Debian's rdmacm-utils at both ends, connected by <c>rdma_cm</c>: the kernel's connection manager at one end, this project's at the other.</summary>
public sealed class ConnectionTests(PeerFixture peer)
{
    [Theory]
    [InlineData("rping", "Engine")]
    [InlineData("rping", "Kernel")]
    [InlineData("ucmatose", "Engine")]
    [InlineData("ucmatose", "Kernel")]
    [InlineData("udaddy", "Engine")]
    [InlineData("udaddy", "Kernel")]
    public Task Programs_connect(string program, string client) => peer.EachIsRightAsync(
        from ipVersion in (int[])[4, 6]
        select new Cell(Cell.Connections, program, 0, ipVersion, Enum.Parse<Requester>(client), 0));
}
