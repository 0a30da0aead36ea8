using System.Diagnostics;
using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace Transport.Tests;

/// <summary>Two network namespaces joined by a veth pair: two hosts on one machine. Needs root and iproute2.</summary>
internal sealed partial class NetworkNamespaces : IDisposable
{
    private readonly string _id = $"vt{Environment.ProcessId}";

    public string Left => _id + "l";

    public string Right => _id + "r";

    /// <summary>Makes them, with MTU <paramref name="mtuBytes"/> and addresses 10.11.0.1, 10.11.0.2, fd11::1, fd11::2; or skips the test.</summary>
    public static NetworkNamespaces CreateOrSkip(int mtuBytes)
    {
        Assert.SkipUnless(Scheduling.GetEffectiveUserId() == 0, "network namespaces need root");
        Assert.SkipUnless(File.Exists("/usr/sbin/ip") || File.Exists("/sbin/ip") || File.Exists("/usr/bin/ip"), "ip of iproute2 is not installed");
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

    private static void Run(string arguments)
    {
        if (TryRun(arguments) is { } refusal)
            throw new InvalidOperationException($"ip {arguments}: {refusal}");
    }

    private static string? TryRun(string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? null : errors.Trim();
    }

    private static unsafe void Enter(string name)
    {
        const int cloneNewNet = 0x40000000;
        using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle($"/var/run/netns/{name}");
        SystemCallException.Check(SetNamespace((int)file.DangerousGetHandle(), cloneNewNet), "setns");
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(int descriptor, int type);
}
