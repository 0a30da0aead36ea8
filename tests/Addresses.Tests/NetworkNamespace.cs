using System.Diagnostics;
using System.Runtime.InteropServices;
using RoceEngine.Interop;

namespace Addresses.Tests;

/// <summary>Network namespaces: hosts of their own on one machine. They need root and iproute2.</summary>
internal static partial class NetworkNamespace
{
    /// <summary>Skips the test where there is no root or no <c>ip</c>.</summary>
    public static void RequireOrSkip()
    {
        Assert.SkipUnless(Scheduling.GetEffectiveUserId() == 0, "network namespaces need root");
        string[] places = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"];
        Assert.SkipUnless(places.Any(File.Exists), "ip of iproute2 is not installed");
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

    /// <summary>Runs <c>ip</c>; null, or what it complains of.</summary>
    public static string? TryRun(string arguments) => TryRun(arguments, out _);

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
