using static Addresses.Tests.NetworkNamespace;

namespace Addresses.Tests;

/// <summary>
/// Three hosts on one Ethernet switch: network namespaces whose <c>eth0</c> is plugged into a bridge, itself in a fourth namespace.
/// They have 10.12.0.1 to .3/24 and fd12::1 to ::3/64. Needs root and iproute2.
/// </summary>
internal sealed class TestLink : IDisposable
{
    public const string Interface = "eth0";

    private static int s_made;

    private readonly string _id = $"va{Environment.ProcessId}-{Interlocked.Increment(ref s_made)}";

    public string HostA => _id + "a";

    public string HostB => _id + "b";

    public string Peer => _id + "p";

    /// <summary>All three, in the order of their addresses.</summary>
    public string[] Hosts => [HostA, HostB, Peer];

    private string Switch => _id + "s";

    /// <summary>Makes them or skips the test.</summary>
    /// <param name="mtuBytes">Of every interface.</param>
    public static TestLink CreateOrSkip(int mtuBytes = 1500)
    {
        RequireOrSkip();
        var made = new TestLink();
        try
        {
            if (TryRun($"netns add {made.Switch}") is { } refusal)
                Assert.Skip($"network namespaces are not permitted here: {refusal}");
            if (TryRun($"-n {made.Switch} link add switch type bridge") is { } noBridge)
                Assert.Skip($"this kernel has no bridge: {noBridge}");
            Run($"-n {made.Switch} link set switch up");
            for (int i = 0; i < made.Hosts.Length; i++)
                made.PlugIn(made.Hosts[i], i + 1, mtuBytes);
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (string name in (string[])[.. Hosts, Switch])
            TryRun($"netns del {name}");
    }

    private void PlugIn(string host, int number, int mtuBytes)
    {
        Run($"netns add {host}");
        Run($"link add {Interface} netns {host} mtu {mtuBytes} type veth peer name port{number} netns {Switch} mtu {mtuBytes}");
        Run($"-n {Switch} link set port{number} master switch up");
        Run($"-n {host} addr add 10.12.0.{number}/24 dev {Interface}");
        Run($"-n {host} addr add fd12::{number}/64 dev {Interface} nodad");
        Run($"-n {host} link set lo up");
        Run($"-n {host} link set {Interface} up");
    }
}
