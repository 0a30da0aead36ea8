using System.Globalization;
using EndToEnd.Tests.Support;
using RoceEngine.Launching;
using RoceEngine.Vrdma.Demo;

namespace EndToEnd.Tests;

/// <summary>Two daemons on two hosts: network namespaces joined by a veth pair.</summary>
public sealed class NetworkNamespaceTests
{
    private const string LeftAddress = "10.214.71.1";
    private const string RightAddress = "10.214.71.2";

    [Fact]
    public async Task Traffic_crosses_a_cable_between_two_hosts()
    {
        Optional.Root();
        string ip = Optional.Program("ip");
        string suffix = Environment.ProcessId.ToString("x", CultureInfo.InvariantCulture);
        string left = $"vrdma-l-{suffix}";
        string right = $"vrdma-r-{suffix}";
        ToolResult added = await Tool.RunAsync(new ProgramPath(ip, []), ["netns", "add", left]);
        Assert.SkipUnless(added.ExitCode == 0, $"network namespaces cannot be made here: {added.Errors.Trim()}");
        try
        {
            await RunAsync(ip, "netns", "add", right);
            await RunAsync(ip, "-n", left, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", right);
            await SetUpAsync(ip, left, LeftAddress);
            await SetUpAsync(ip, right, RightAddress);

            await using Daemon one = await Daemon.StartAsync(Inside(ip, left), [LeftAddress]);
            await using Daemon two = await Daemon.StartAsync(Inside(ip, right), [RightAddress]);
            await using GuestProcess requester = await one.StartGuestAsync(LeftAddress);
            await using GuestProcess responder = await two.StartGuestAsync(RightAddress);
            await Traffic.ConnectAsync(requester, responder);
            await Traffic.RunEverythingAsync(requester, responder);
            await Traffic.RunEverythingAsync(requester, responder, bytes: 1 << 20);
        }
        finally
        {
            await Tool.RunAsync(new ProgramPath(ip, []), ["netns", "delete", left]);
            await Tool.RunAsync(new ProgramPath(ip, []), ["netns", "delete", right]);
        }
    }

    private static async Task SetUpAsync(string ip, string name, string address)
    {
        await RunAsync(ip, "-n", name, "address", "add", address + "/24", "dev", "cable");
        await RunAsync(ip, "-n", name, "link", "set", "cable", "mtu", "9000", "up");
        await RunAsync(ip, "-n", name, "link", "set", "lo", "up");
    }

    /// <summary>The daemon as a program that starts in a namespace; <c>ip netns exec</c> becomes it, and keeps its process id.</summary>
    private static ProgramPath Inside(string ip, string name)
    {
        ProgramPath daemon = ProgramPath.Find("vrdmad");
        return new(ip, ["netns", "exec", name, daemon.FileName, .. daemon.Arguments]);
    }

    private static async Task RunAsync(string ip, params string[] arguments)
    {
        ToolResult result = await Tool.RunAsync(new ProgramPath(ip, []), arguments);
        Assert.True(result.ExitCode == 0, $"ip {string.Join(' ', arguments)}: {result}");
    }
}
