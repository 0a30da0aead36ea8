using System.Diagnostics;
using System.Globalization;

namespace Migration.Tests;

/// <summary>
/// Three hosts on one Ethernet switch: network namespaces whose <c>eth0</c> is plugged into a bridge in a fourth one. They have 10.214.73.1 to .3/24 and
/// fd12:73::1 to ::3/64. Needs root and iproute2.
/// </summary>
internal sealed class TestNetwork : IDisposable
{
    private const string Interface = "eth0";

    /// <summary>For packets with 4,096 bytes of payload.</summary>
    private const int MtuBytes = 9000;

    private readonly string _id = string.Create(CultureInfo.InvariantCulture, $"vm{Environment.ProcessId}");

    private string Switch => $"{_id}s";

    /// <summary>Makes them or skips the test.</summary>
    public static TestNetwork CreateOrSkip()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "network namespaces need root");
        Assert.SkipUnless(((string[])["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"]).Any(File.Exists), "ip of iproute2 is not installed");
        var network = new TestNetwork();
        try
        {
            if (TryRun($"netns add {network.Switch}", out _) is { } refusal)
                Assert.Skip($"network namespaces are not permitted here: {refusal}");
            if (TryRun($"-n {network.Switch} link add switch type bridge", out _) is { } noBridge)
                Assert.Skip($"this kernel has no bridge: {noBridge}");
            Run($"-n {network.Switch} link set switch up");
            for (int number = 1; number <= 3; number++)
                network.PlugIn(number);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

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

    public void Dispose()
    {
        for (int number = 1; number <= 3; number++)
            TryRun($"netns del {Host(number)}", out _);
        TryRun($"netns del {Switch}", out _);
    }

    private string Host(int number) => string.Create(CultureInfo.InvariantCulture, $"{_id}h{number}");

    private void PlugIn(int number)
    {
        string host = Host(number);
        Run($"netns add {host}");
        Run($"link add {Interface} netns {host} mtu {MtuBytes} type veth peer name port{number} netns {Switch} mtu {MtuBytes}");
        Run($"-n {Switch} link set port{number} master switch up");
        Run($"-n {host} addr add 10.214.73.{number}/24 dev {Interface}");
        Run($"-n {host} addr add fd12:73::{number}/64 dev {Interface} nodad");
        Run($"-n {host} link set lo up");
        Run($"-n {host} link set {Interface} up");
    }

    private static string Run(string arguments) =>
        TryRun(arguments, out string output) is { } refusal ? throw new InvalidOperationException($"ip {arguments}: {refusal}") : output;

    private static string? TryRun(string arguments, out string output)
    {
        using Process process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        output = process.StandardOutput.ReadToEnd();
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? null : errors.Trim();
    }
}
