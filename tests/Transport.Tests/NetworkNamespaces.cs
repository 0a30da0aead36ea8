using static Addresses.Tests.NetworkNamespace;

namespace Transport.Tests;

/// <summary>Two network namespaces joined by a veth pair: two hosts on one machine. Needs root and iproute2.</summary>
internal sealed class NetworkNamespaces : IDisposable
{
    private readonly string _id = $"vt{Environment.ProcessId}";

    public string Left => _id + "l";

    public string Right => _id + "r";

    /// <summary>Makes them, with MTU <paramref name="mtuBytes"/> and addresses 10.11.0.1, 10.11.0.2, fd11::1, fd11::2; or skips the test.</summary>
    public static NetworkNamespaces CreateOrSkip(int mtuBytes)
    {
        RequireOrSkip();
        var made = new NetworkNamespaces();
        if (TryRun($"netns add {made.Left}") is { } refusal)
            Assert.Skip($"network namespaces are not permitted here: {refusal}");
        try
        {
            Run($"netns add {made.Right}");
            Run($"link add {made.Left} netns {made.Left} mtu {mtuBytes} type veth peer name {made.Right} netns {made.Right} mtu {mtuBytes}");
            made.Configure(made.Left, 1);
            made.Configure(made.Right, 2);
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    /// <summary>The stack cuts trains before they reach the device, as for a device that cannot.</summary>
    public void ForbidTrainsOnDevice() => Run($"-n {Left} link set dev {Left} gso_max_segs 1");

    public void Dispose()
    {
        TryRun($"netns del {Left}");
        TryRun($"netns del {Right}");
    }

    private void Configure(string name, int host)
    {
        Run($"-n {name} addr add 10.11.0.{host}/24 dev {name}");
        Run($"-n {name} addr add fd11::{host}/64 dev {name} nodad");
        Run($"-n {name} link set lo up");
        Run($"-n {name} link set {name} up");
    }
}
