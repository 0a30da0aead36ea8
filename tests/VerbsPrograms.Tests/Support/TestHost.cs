using Addresses.Tests;

namespace VerbsPrograms.Tests.Support;

/// <summary>A host with IPv6 addresses of its own: a network namespace, which needs root and iproute2.</summary>
internal sealed class TestHost : IDisposable
{
    /// <summary>The address of who listens.</summary>
    public const string Server = "fd71::1";

    /// <summary>The address of who connects.</summary>
    public const string Client = "fd71::2";

    private readonly string _name = $"vp{Environment.ProcessId}";

    private TestHost()
    {
    }

    /// <summary>Makes it, or skips the test.</summary>
    public static TestHost CreateOrSkip()
    {
        NetworkNamespace.RequireOrSkip();
        var made = new TestHost();
        if (NetworkNamespace.TryRun($"netns add {made._name}") is { } refusal)
            Assert.Skip($"network namespaces are not permitted here: {refusal}");
        try
        {
            NetworkNamespace.Run($"-n {made._name} link set lo up");
            if (NetworkNamespace.TryRun($"-n {made._name} addr add {Server}/128 dev lo") is { } noAddress)
                Assert.Skip($"this machine has no IPv6: {noAddress}");
            NetworkNamespace.Run($"-n {made._name} addr add {Client}/128 dev lo");
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    /// <summary>What stands before a command that shall run there.</summary>
    public static string[] Prefix(TestHost? host) => host is null ? [] : ["ip", "netns", "exec", host._name];

    public void Dispose() => NetworkNamespace.TryRun($"netns del {_name}");
}
