using System.Diagnostics;
using Addresses.Tests;
using VerbsPrograms.Tests.Support;

namespace VerbsPrograms.Tests;

/// <summary>
/// libfabric's verbs provider: Debian's <c>fi_pingpong</c> between two hosts, which are network namespaces joined by a cable, since libfabric looks at no loopback
/// interface for connected endpoints.
/// </summary>
public sealed class FabricTests(PublishedLibrary library)
{
    private const string Package = "libfabric-bin";

    [Theory]
    [InlineData("-p verbs -e msg")]
    [InlineData("-p verbs;ofi_rxm -e rdm")]
    [InlineData("-p verbs;ofi_rxd -e rdm -d vrdma0-dgram")]
    [InlineData("-p verbs -e dgram -d vrdma0-dgram")]
    public async Task Endpoints_of_two_hosts_exchange_messages(string options)
    {
        string directory = await library.DirectoryAsync();
        string program = Optional.Program("fi_pingpong", Package);
        NetworkNamespace.RequireOrSkip();
        using var cable = new Cable();
        string[] arguments = [program, "-I", "50", .. options.Split(' ')];
        using Process serving = ProgramRun.StartOpen("ip", [.. Cable.At(cable.Server), .. arguments], EnvironmentAt(Cable.ServerAddress));
        Task<ProgramResult> serverEnds = ProgramRun.EndAsync(serving);
        ProgramResult client;
        do
        {
            // Nothing tells that the server is ready.
            await Task.Delay(200, TestContext.Current.CancellationToken);
            client = await ProgramRun.RunAsync(
                "ip", [.. Cable.At(cable.Client), .. arguments, Cable.ServerAddress], environment: EnvironmentAt(Cable.ClientAddress));
        }
        while (client.ExitCode != 0 && !serverEnds.IsCompleted);

        ProgramResult server = await serverEnds;
        Assert.True(client.ExitCode == 0 && server.ExitCode == 0, $"{client}\n{server}");
        Assert.Matches(@"\n4k +50 +=50 ", client.Output);

        Dictionary<string, string> EnvironmentAt(string address) => new(ProgramRun.EnvironmentOf(directory, null)) { ["VRDMA_ADDRESS"] = address };
    }

    /// <summary>Two namespaces and the cable between them.</summary>
    private sealed class Cable : IDisposable
    {
        public const string ServerAddress = "10.71.0.1";
        public const string ClientAddress = "10.71.0.2";

        private readonly string _name = $"vf{Environment.ProcessId}";

        public Cable()
        {
            if (NetworkNamespace.TryRun($"netns add {Server}") is { } refusal)
                Assert.Skip($"network namespaces are not permitted here: {refusal}");
            try
            {
                NetworkNamespace.Run($"netns add {Client}");
                if (NetworkNamespace.TryRun($"-n {Server} link add v0 type veth peer name v0 netns {Client}") is { } noCable)
                    Assert.Skip($"this kernel has no virtual cables: {noCable}");
                foreach ((string host, string address) in ((string, string)[])[(Server, ServerAddress), (Client, ClientAddress)])
                {
                    NetworkNamespace.Run($"-n {host} addr add {address}/24 dev v0");
                    NetworkNamespace.Run($"-n {host} link set v0 mtu 5000 up");
                    NetworkNamespace.Run($"-n {host} link set lo up");
                }
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public string Server => $"{_name}s";

        public string Client => $"{_name}c";

        /// <summary>Arguments of <c>ip</c> that run what follows there.</summary>
        public static string[] At(string host) => ["netns", "exec", host];

        public void Dispose()
        {
            _ = NetworkNamespace.TryRun($"netns del {Server}");
            _ = NetworkNamespace.TryRun($"netns del {Client}");
        }
    }
}
