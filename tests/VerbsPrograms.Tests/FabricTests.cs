using System.Diagnostics;
using Addresses.Tests;
using VerbsPrograms.Tests.Support;

namespace VerbsPrograms.Tests;

/// <summary>
/// libfabric's verbs provider: Debian's <c>fi_pingpong</c> between two hosts, which are network namespaces on a switch, since libfabric looks at no loopback
/// interface for connected endpoints.
/// </summary>
public sealed class FabricTests(PublishedLibrary library)
{
    private const string Package = "libfabric-bin";
    private const string ServerAddress = "10.12.0.1";
    private const string ClientAddress = "10.12.0.2";

    /// <summary>A packet of the largest path MTU fits.</summary>
    private const int MtuBytes = 5000;

    [Theory]
    [InlineData("-p verbs -e msg")]
    [InlineData("-p verbs;ofi_rxm -e rdm")]
    [InlineData("-p verbs;ofi_rxd -e rdm -d vrdma0-dgram")]
    [InlineData("-p verbs -e dgram -d vrdma0-dgram")]
    public async Task Endpoints_of_two_hosts_exchange_messages(string options)
    {
        string directory = await library.DirectoryAsync();
        string program = Optional.Program("fi_pingpong", Package);
        using var link = TestLink.CreateOrSkip(MtuBytes);
        string[] arguments = [program, "-I", "50", .. options.Split(' ')];
        using Process serving = ProgramRun.StartOpen("ip", ["netns", "exec", link.HostA, .. arguments], EnvironmentAt(ServerAddress));
        Task<ProgramResult> serverEnds = ProgramRun.EndAsync(serving);
        ProgramResult client;
        do
        {
            // Nothing tells that the server is ready.
            await Task.Delay(200, TestContext.Current.CancellationToken);
            client = await ProgramRun.RunAsync(
                "ip", ["netns", "exec", link.HostB, .. arguments, ServerAddress], environment: EnvironmentAt(ClientAddress));
        }
        while (client.ExitCode != 0 && !serverEnds.IsCompleted);

        ProgramResult server = await serverEnds;
        Assert.True(client.ExitCode == 0 && server.ExitCode == 0, $"{client}\n{server}");
        Assert.Matches(@"\n4k +50 +=50 ", client.Output);

        Dictionary<string, string> EnvironmentAt(string address) => new(ProgramRun.EnvironmentOf(directory, null)) { ["VRDMA_ADDRESS"] = address };
    }
}
