using RoceEngine.KernelPeer.Cells;

namespace KernelPeer.Tests;

/// <summary>Every operation between the engine and the kernel's rxe, over IPv4 and IPv6, verified byte by byte at both ends.</summary>
public sealed class OperationTests(PeerFixture peer)
{
    private const int LossOneIn = 50;

    private static readonly int[] s_ipVersions = [4, 6];
    private static readonly int[] s_pathMtus = [256, 1024, 4096];

    /// <summary>Service, operation and whose end begins.</summary>
    public static TheoryData<string, string, string> Operations()
    {
        TheoryData<string, string, string> data = [];
        foreach ((string service, string operation) in Cell.Operations)
        {
            foreach (Requester requester in Enum.GetValues<Requester>())
                data.Add(service, operation, requester.ToString());
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Operations))]
    public Task Every_byte_arrives(string service, string operation, string requester) => peer.EachIsRightAsync(
        from ipVersion in s_ipVersions
        from pathMtu in s_pathMtus
        select new Cell(service, operation, pathMtu, ipVersion, Enum.Parse<Requester>(requester), 0));

    [Theory]
    [MemberData(nameof(Operations))]
    public Task Nothing_is_wrong_under_loss(string service, string operation, string requester) => peer.EachIsRightAsync(
        from ipVersion in s_ipVersions
        select new Cell(service, operation, 1024, ipVersion, Enum.Parse<Requester>(requester), LossOneIn));
}
