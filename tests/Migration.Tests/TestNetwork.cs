using Addresses.Tests;
using static Addresses.Tests.NetworkNamespace;
using static Addresses.Tests.TestLink;

namespace Migration.Tests;

/// <summary>Three hosts on one Ethernet switch with jumbo frames, 10.12.0.1 to .3/24 and fd12::1 to ::3/64: where daemons run, and who has an address.</summary>
internal sealed class TestNetwork : IDisposable
{
    /// <summary>For packets with 4,096 bytes of payload.</summary>
    private const int MtuBytes = 9000;

    private readonly TestLink _link;

    private TestNetwork(TestLink link) => _link = link;

    /// <summary>Makes them or skips the test.</summary>
    public static TestNetwork CreateOrSkip() => new(TestLink.CreateOrSkip(MtuBytes));

    /// <summary>Runs a program on one of the hosts, 1 to 3.</summary>
    public string[] On(int number) => ["ip", "netns", "exec", Host(number)];

    public bool Has(int number, string address) => Run($"-n {Host(number)} -o address show dev {Interface}").Contains($" {address}/", StringComparison.Ordinal);

    /// <summary>Which host another one knows to have an address; 0 when it knows of none.</summary>
    public int Neighbour(int number, string address)
    {
        string[] words = Run($"-n {Host(number)} neigh show {address} dev {Interface}").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int at = Array.IndexOf(words, "lladdr");
        return at < 0 ? 0 : Enumerable.Range(1, 3).FirstOrDefault(each => Run($"-n {Host(each)} link show {Interface}").Contains(words[at + 1], StringComparison.Ordinal));
    }

    public void Dispose() => _link.Dispose();

    private string Host(int number) => _link.Hosts[number - 1];
}
