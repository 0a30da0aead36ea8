using System.Diagnostics;
using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace Addresses.Tests;

/// <summary>
/// Three hosts on one Ethernet switch: network namespaces whose <c>eth0</c> is plugged into a bridge, itself in a fourth namespace.
/// They have 10.12.0.1 to .3/24 and fd12::1 to ::3/64. Needs root and iproute2.
/// </summary>
internal sealed partial class TestLink : IDisposable
{
    public const string Interface = "eth0";

    private static int s_made;

    private readonly string _id = $"va{Environment.ProcessId}-{Interlocked.Increment(ref s_made)}";

    public string HostA => _id + "a";

    public string HostB => _id + "b";

    public string Peer => _id + "p";

    private string Switch => _id + "s";

    private string[] Hosts => [HostA, HostB, Peer];

    /// <summary>Makes them or skips the test.</summary>
    public static TestLink CreateOrSkip()
    {
        Assert.SkipUnless(Scheduling.GetEffectiveUserId() == 0, "network namespaces need root");
        string[] places = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"];
        Assert.SkipUnless(places.Any(File.Exists), "ip of iproute2 is not installed");
        var made = new TestLink();
        try
        {
            if (TryRun($"netns add {made.Switch}", out _) is { } refusal)
                Assert.Skip($"network namespaces are not permitted here: {refusal}");
            if (TryRun($"-n {made.Switch} link add switch type bridge", out _) is { } noBridge)
                Assert.Skip($"this kernel has no bridge: {noBridge}");
            Run($"-n {made.Switch} link set switch up");
            for (int i = 0; i < made.Hosts.Length; i++)
                made.PlugIn(made.Hosts[i], i + 1);
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    /// <summary>Runs on a thread of that namespace. Sockets made there stay in it.</summary>
    public static T In<T>(string name, Func<T> function)
    {
        T result = default!;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Enter(name);
                result = function();
            }
            catch (Exception caught)
            {
                failure = caught;
            }
        });
        thread.Start();
        thread.Join();
        return failure == null ? result : throw new InvalidOperationException($"in namespace {name}: {failure.Message}", failure);
    }

    /// <summary>Runs <c>ip</c> and gives what it printed.</summary>
    public static string Run(string arguments) =>
        TryRun(arguments, out string output) is { } refusal ? throw new InvalidOperationException($"ip {arguments}: {refusal}") : output;

    public void Dispose()
    {
        foreach (string name in (string[])[.. Hosts, Switch])
            TryRun($"netns del {name}", out _);
    }

    private void PlugIn(string host, int number)
    {
        Run($"netns add {host}");
        Run($"link add {Interface} netns {host} type veth peer name port{number} netns {Switch}");
        Run($"-n {Switch} link set port{number} master switch up");
        Run($"-n {host} addr add 10.12.0.{number}/24 dev {Interface}");
        Run($"-n {host} addr add fd12::{number}/64 dev {Interface} nodad");
        Run($"-n {host} link set lo up");
        Run($"-n {host} link set {Interface} up");
    }

    private static string? TryRun(string arguments, out string output)
    {
        var start = new ProcessStartInfo("ip", arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        output = process.StandardOutput.ReadToEnd();
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? null : errors.Trim();
    }

    private static void Enter(string name)
    {
        const int cloneNewNet = 0x40000000;
        using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle($"/var/run/netns/{name}");
        SystemCallException.Check(SetNamespace((int)file.DangerousGetHandle(), cloneNewNet), "setns");
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(int descriptor, int type);
}
