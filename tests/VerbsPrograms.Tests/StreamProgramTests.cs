using System.Globalization;
using System.Text.RegularExpressions;
using VerbsPrograms.Tests.Support;

namespace VerbsPrograms.Tests;

/// <summary>
/// Debian's <c>rstream</c>, <c>riostream</c> and <c>rcopy</c>, which stream over rsocket(7), between two processes, each with a device of its own: in the
/// process, or of a daemon.
/// </summary>
public sealed partial class StreamProgramTests(PublishedLibrary library)
{
    private const string Package = "rdmacm-utils";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rstream_measures_latency_and_bandwidth(bool attached)
    {
        (ProgramResult server, ProgramResult client) = await RunAsync(attached, "rstream", []);
        string[] expected =
        [
            "64_lat 64 1 100k 12m", "4k_lat 4k 1 10k 78m", "64k_lat 64k 1 1k 125m", "1m_lat 1m 1 100 200m",
            "64_bw 64 100k 1 12m", "4k_bw 4k 10k 1 78m", "64k_bw 64k 1k 1 125m", "1m_bw 1m 100 1 200m",
        ];
        Assert.Equal(expected, Rows(server));
        Assert.Equal(expected, Rows(client));
    }

    [Theory]
    [InlineData(false, "-T nonblocking")]
    [InlineData(true, "-T nonblocking")]
    [InlineData(false, "-T async")]
    [InlineData(true, "-T async")]
    [InlineData(false, "-T blocking")]
    [InlineData(true, "-T blocking")]
    [InlineData(false, "-T async -T blocking")]
    [InlineData(true, "-T async -T blocking")]
    [InlineData(false, "-T resolve")]
    [InlineData(true, "-T resolve")]
    [InlineData(false, "-f ip -k 3 -B 5000")]
    [InlineData(true, "-f ip -k 3 -B 5000")]
    public async Task Rstream_gets_back_what_it_sent(bool attached, string options)
    {
        string[] arguments = ["-S", "8192", "-C", "40", "-I", "25", "-T", "verify", .. options.Split(' ')];
        (ProgramResult server, ProgramResult client) = await RunAsync(attached, "rstream", arguments);
        Assert.Equal(["custom 8k 40 25 15m"], Rows(server));
        Assert.Equal(["custom 8k 40 25 15m"], Rows(client));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Messages_larger_than_all_buffers_come_back_whole(bool attached)
    {
        (_, ProgramResult client) = await RunAsync(attached, "rstream", ["-S", "4194304", "-C", "2", "-I", "4", "-T", "blocking", "-T", "verify"]);
        Assert.Equal(["custom 4m 2 4 64m"], Rows(client));
    }

    [Theory]
    [InlineData(false, "")]
    [InlineData(true, "")]
    [InlineData(false, "-T async")]
    [InlineData(true, "-T blocking")]
    public async Task Riostream_writes_to_the_peers_memory(bool attached, string options)
    {
        string[] arguments = ["-S", "8192", "-C", "10", "-I", "20", "-T", "verify", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        (ProgramResult server, ProgramResult client) = await RunAsync(attached, "riostream", arguments);
        Assert.Equal(["custom 8k 10 20 3.1m"], Rows(server));
        Assert.Equal(["custom 8k 10 20 3.1m"], Rows(client));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rcopy_copies_a_file(bool attached)
    {
        string directory = await library.DirectoryAsync();
        string program = Optional.Program("rcopy", Package);
        using TestDaemon? daemon = attached ? await TestDaemon.StartAsync() : null;
        string files = Directory.CreateTempSubdirectory("vrdma-rcopy-").FullName;
        try
        {
            string from = Path.Join(files, "from");
            string to = Path.Join(files, "to");
            byte[] content = new byte[3_000_001];
            Random.Shared.NextBytes(content);
            await File.WriteAllBytesAsync(from, content, TestContext.Current.CancellationToken);
            string[] port = ["-p", ProgramRun.FreePort().ToString(CultureInfo.InvariantCulture)];
            _ = await ProgramRun.RunConnectedPairAsync(
                directory, daemon?.SocketPath, [program, .. port], [program, from, $"{{0}}:{to}", .. port], serverLasts: true);
            Assert.Equal(content, await File.ReadAllBytesAsync(to, TestContext.Current.CancellationToken));
        }
        finally
        {
            Directory.Delete(files, recursive: true);
        }
    }

    /// <summary>The preload library of rsocket(7), as Debian's librdmacm1 has it: it calls whatever librdmacm there is.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_program_for_TCP_streams_over_RDMA_by_the_preload_library(bool attached)
    {
        const string Preloaded = "/usr/lib/x86_64-linux-gnu/rsocket/librspreload.so";
        Assert.SkipUnless(File.Exists(Preloaded), "the preload library is not installed (Debian's package librdmacm1)");
        string directory = await library.DirectoryAsync();
        using CompiledProgram program = await CompiledProgram.MakeAsync("tcp_echo", "/usr/include/netinet/tcp.h", "libc6-dev");
        using TestDaemon? daemon = attached ? await TestDaemon.StartAsync() : null;
        string[] command = ["env", $"LD_PRELOAD={Preloaded}", program.Path];
        string port = ProgramRun.FreePort().ToString(CultureInfo.InvariantCulture);
        (ProgramResult server, ProgramResult client) = await ProgramRun.RunConnectedPairAsync(
            directory, daemon?.SocketPath, [.. command, "server", "{0}", port], [.. command, "client", "{0}", port]);
        Assert.DoesNotContain("NOT OK", server.Output + client.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "::")]
    [InlineData(true, "::")]
    [InlineData(false, "0.0.0.0")]
    [InlineData(true, "0.0.0.0")]
    public async Task A_listener_of_any_address_is_found(bool attached, string any)
    {
        (_, ProgramResult client) = await RunAsync(attached, "rstream", ["-S", "64", "-C", "10", "-I", "10"], ["-b", any]);
        Assert.Equal(["custom 64 10 10 12k"], Rows(client));
    }

    [Theory]
    [InlineData(false, "fd71::1")]
    [InlineData(true, "fd71::1")]
    [InlineData(false, "::")]
    public async Task Rstream_connects_by_IPv6(bool attached, string bound)
    {
        string directory = await library.DirectoryAsync();
        string program = Optional.Program("rstream", Package);
        using TestHost host = TestHost.CreateOrSkip();
        using TestDaemon? daemon = attached ? await TestDaemon.StartAsync(host) : null;
        string[] options = ["-S", "8192", "-C", "40", "-I", "25", "-T", "verify"];
        (ProgramResult server, ProgramResult client) = await ProgramRun.RunConnectedPairAsync(
            directory, daemon?.SocketPath, [program, "-b", bound, .. options], [program, "-s", "{0}", .. options], host);
        Assert.Equal(["custom 8k 40 25 15m"], Rows(server));
        Assert.Equal(["custom 8k 40 25 15m"], Rows(client));
    }

    private async Task<(ProgramResult Server, ProgramResult Client)> RunAsync(bool attached, string name, string[] arguments, string[]? ofServer = null)
    {
        string directory = await library.DirectoryAsync();
        string program = Optional.Program(name, Package);
        using TestDaemon? daemon = attached ? await TestDaemon.StartAsync() : null;
        return await ProgramRun.RunConnectedPairAsync(
            directory, daemon?.SocketPath, [program, .. ofServer ?? [], .. arguments], [program, "-s", "{0}", .. arguments]);
    }

    /// <summary>Name, bytes, transfers, iterations and total of each line of figures; time, Gb/s and µs per transfer are checked to be some.</summary>
    private static List<string> Rows(ProgramResult result)
    {
        List<string> rows = [];
        foreach (Match match in Figures().Matches(result.Output))
        {
            double[] figures = [.. match.Groups["figure"].Captures.Select(figure => double.Parse(figure.Value, CultureInfo.InvariantCulture))];
            Assert.True(figures[0] >= 0 && figures[2] > 0, result.ToString());
            rows.Add(string.Join(' ', match.Groups["what"].Captures.Select(what => what.Value)));
        }

        return rows;
    }

    [GeneratedRegex(@"^(?:(?<what>\S+)\s+){5}(?<figure>\d+\.\d+)s\s*(?<figure>\d+\.\d+)\s+(?<figure>\d+\.\d+)$", RegexOptions.Multiline)]
    private static partial Regex Figures();
}
