using System.Globalization;
using System.Text.RegularExpressions;
using VerbsPrograms.Tests.Support;

namespace VerbsPrograms.Tests;

/// <summary>
/// Debian's perftest between two processes, each with a device of its own. Over UC and UD its server waits for ever for a message that was lost, so these send no more
/// than its receive queue (512) and the receive buffer of a socket (32 MiB) hold, whoever is late.
/// </summary>
public sealed partial class PerftestTests(PublishedLibrary library)
{
    private const string Package = "perftest";

    [Theory]
    [InlineData("ib_send_bw", "")]
    [InlineData("ib_send_bw", "-b -n 300")]
    [InlineData("ib_send_bw", "-q 8 -n 200")]
    [InlineData("ib_send_bw", "-e")]
    [InlineData("ib_send_bw", "-D 1")]
    [InlineData("ib_send_bw", "-c UC -n 300")]
    [InlineData("ib_send_bw", "-c UD -s 2048 -n 500")]
    [InlineData("ib_send_bw", "--use-srq -q 4 -n 200")]
    [InlineData("ib_send_bw", "-m 1024")]
    [InlineData("ib_write_bw", "-n 1000")]
    [InlineData("ib_write_bw", "-b -n 500")]
    [InlineData("ib_write_bw", "-q 8 -n 200")]
    [InlineData("ib_write_bw", "-D 1")]
    [InlineData("ib_write_bw", "-c UC -n 500")]
    [InlineData("ib_write_bw", "-I 64 -s 64")]
    [InlineData("ib_read_bw", "")]
    [InlineData("ib_read_bw", "-b -n 200")]
    [InlineData("ib_read_bw", "-q 8 -n 100")]
    [InlineData("ib_read_bw", "-e")]
    [InlineData("ib_atomic_bw", "")]
    [InlineData("ib_atomic_bw", "-A CMP_AND_SWAP")]
    [InlineData("ib_atomic_bw", "-b -n 300")]
    public async Task Bandwidth_is_measured(string program, string options)
    {
        ProgramResult client = await RunAsync(program, options);
        double[] figures = LastFigures(client, columns: 5);
        Assert.True(figures[3] > 0, client.ToString());
    }

    [Theory]
    [InlineData("ib_send_bw", "-n 300")]
    [InlineData("ib_send_bw", "-e -n 300")]
    [InlineData("ib_write_bw", "-q 8 -n 100")]
    [InlineData("ib_read_bw", "-n 300")]
    [InlineData("ib_send_bw", "-c UD -s 1024 -n 300")]
    [InlineData("ib_atomic_bw", "-n 300")]
    public async Task Bandwidth_is_measured_between_devices_of_a_daemon(string program, string options)
    {
        using TestDaemon daemon = await TestDaemon.StartAsync();
        ProgramResult client = await RunAsync(program, options, daemon.SocketPath);
        double[] figures = LastFigures(client, columns: 5);
        Assert.True(figures[3] > 0, client.ToString());
    }

    [Theory]
    [InlineData("ib_send_lat", "")]
    [InlineData("ib_send_lat", "-e")]
    [InlineData("ib_send_lat", "-I 64 -s 32")]
    [InlineData("ib_send_lat", "-c UC")]
    [InlineData("ib_send_lat", "-c UD -s 64")]
    [InlineData("ib_write_lat", "")]
    [InlineData("ib_write_lat", "-c UC")]
    [InlineData("ib_write_lat", "-I 64 -s 32")]
    [InlineData("ib_read_lat", "")]
    [InlineData("ib_read_lat", "-e")]
    [InlineData("ib_atomic_lat", "")]
    public async Task Latency_is_measured(string program, string options)
    {
        ProgramResult client = await RunAsync(program, options);
        double[] figures = LastFigures(client, columns: 9);
        Assert.True(figures[2] > 0 && figures[4] >= figures[2], client.ToString());
    }

    [Theory]
    [InlineData("ib_send_bw", "-a -n 100", 23)]
    [InlineData("ib_write_bw", "-a -n 100", 23)]
    [InlineData("ib_read_bw", "-a -n 100", 23)]
    [InlineData("ib_send_lat", "-a -n 20", 23)]
    [InlineData("ib_send_bw", "-c UD -a -n 100", 12)]
    public async Task All_sizes_are_measured(string program, string options, int sizes)
    {
        ProgramResult client = await RunAsync(program, options);
        Assert.True(Rows().Count(client.Output) == sizes, client.ToString());
    }

    private static double[] LastFigures(ProgramResult client, int columns)
    {
        Match row = Rows().Matches(client.Output).LastOrDefault() ?? Match.Empty;
        double[] figures = [.. row.Value.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)
            .Select(text => double.TryParse(text, CultureInfo.InvariantCulture, out double figure) ? figure : double.NaN)];
        Assert.True(figures.Length == columns, client.ToString());
        return figures;
    }

    private async Task<ProgramResult> RunAsync(string program, string options, string? socketPath = null)
    {
        string directory = await library.DirectoryAsync();
        string path = Optional.Program(program, Package);
        return await Perftest.WithFiguresAsync(async () => (await ProgramRun.RunPairAsync(
            directory, socketPath, path, ["-F", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)])).Client);
    }

    [GeneratedRegex(@"^ [0-9]+ +[0-9]+ .*$", RegexOptions.Multiline)]
    private static partial Regex Rows();
}
