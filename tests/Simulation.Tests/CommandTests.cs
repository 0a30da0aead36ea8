using System.Diagnostics;
using System.Globalization;
using RoceEngine.Capture;
using RoceEngine.Simulation.Commands;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Tests;

/// <summary>The command line: what it prints, its exit codes, and the capture that it writes.</summary>
[Collection(nameof(CommandTests))]
[CollectionDefinition(nameof(CommandTests), DisableParallelization = true)]
public class CommandTests
{
    [Theory]
    [InlineData("3")]
    [InlineData("11")]
    public void A_clean_world_says_so_with_the_hash_of_its_seed(string seed)
    {
        (int code, string output, string errors) = Run("--seed", seed);
        SimulationOutcome outcome = Simulation.Run(ulong.Parse(seed, CultureInfo.InvariantCulture));
        Assert.Equal((0, ""), (code, errors));
        Assert.Contains($"seed {seed} is clean", output, StringComparison.Ordinal);
        Assert.Contains($"hash {outcome.Hash:x16}", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_verbose_world_tells_its_plan_and_its_events()
    {
        (int code, string output, _) = Run("--seed", "3", "--verbose");
        Assert.Equal(0, code);
        Assert.StartsWith("seed 3: ", output, StringComparison.Ordinal);
        Assert.Contains("posted #0: ", output, StringComparison.Ordinal);
    }

    /// <summary>The network spoils what it has been given: each datagram in the file is one that was whole when it was sent.</summary>
    [Theory]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(12)]
    [InlineData(21)]
    public void A_trace_is_a_capture_of_whole_packets(int seed)
    {
        string file = Path.Combine(Path.GetTempPath(), $"vrdma-sim-{Guid.NewGuid():N}.pcapng");
        try
        {
            (int code, _, string errors) = Run("--seed", seed.ToString(CultureInfo.InvariantCulture), "--trace", file);
            Assert.Equal((0, ""), (code, errors));
            using FileStream stream = File.OpenRead(file);
            var summary = new DecodeSummary();
            List<DecodedPacket> packets = [.. PacketDecoder.Decode(stream, summary)];
            Assert.True(packets.Count > 20, $"only {packets.Count} packets");
            Assert.Equal((0L, 0L, 0L), (summary.MalformedCount, summary.IcrcMismatchCount, summary.OtherCount));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Many_worlds_without_a_terminal_print_one_line_and_no_bar()
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "vrdma-sim"), ["--seed", "1", "--count", "8", "--jobs", "2"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> complained = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        string errors = await complained;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal((0, ""), (process.ExitCode, errors));
        string line = Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("8 worlds, 0 of them not clean", line, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', output);
    }

    [Fact]
    public void A_world_that_is_not_clean_gives_exit_code_1_and_says_how_to_replay_it()
    {
        string seed = FindFailingSeed();
        (int code, string output, string errors) = Run(() => new Slander(), "--seed", seed);
        Assert.Equal((1, ""), (code, errors));
        Assert.Contains($"seed {seed} is not clean, at ", output, StringComparison.Ordinal);
        Assert.Contains("nothing in this world explains it", output, StringComparison.Ordinal);
        Assert.Contains($"replay: vrdma-sim --seed {seed} --verbose", output, StringComparison.Ordinal);
        Assert.Contains("the last events:", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_many_worlds_each_that_is_not_clean_says_how_to_replay_it()
    {
        string seed = FindFailingSeed();
        (int code, string output, _) = Run(() => new Slander(), "--seed", seed, "--count", "2");
        Assert.Equal(1, code);
        Assert.Contains($"replay: vrdma-sim --seed {seed} --verbose", output, StringComparison.Ordinal);
        Assert.Contains("2 worlds, ", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--seed", "-1")]
    [InlineData("--seed", "many")]
    [InlineData("--count", "0")]
    [InlineData("--jobs", "0")]
    [InlineData("--count", "2", "--verbose")]
    [InlineData("--count", "2", "--trace", "file.pcapng")]
    [InlineData("--trace", "/nowhere/at/all/file.pcapng")]
    [InlineData("--unknown")]
    public void Bad_usage_gives_exit_code_2_and_one_line(params string[] args)
    {
        (int code, string output, string errors) = Run(args);
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("vrdma-sim: ", Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    private static string FindFailingSeed()
    {
        ulong seed = 1;
        while (Simulation.Run(seed, new SimulationSettings { Interference = new Slander() }).IsClean)
            seed++;
        return seed.ToString(CultureInfo.InvariantCulture);
    }

    private static (int Code, string Output, string Errors) Run(params string[] args) => Run(null, args);

    private static (int Code, string Output, string Errors) Run(Func<Interference>? interference, params string[] args)
    {
        (TextWriter output, TextWriter errors) = (Console.Out, Console.Error);
        using var printed = new StringWriter();
        using var complained = new StringWriter();
        try
        {
            Console.SetOut(printed);
            Console.SetError(complained);
            return (SimulationCommand.Run(args, interference), printed.ToString(), complained.ToString());
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(errors);
        }
    }

    /// <summary>Calls a success a failure.</summary>
    private sealed class Slander : Interference
    {
        private int _polls;

        public override void OnPolled(List<WorkCompletion> completions)
        {
            if (++_polls >= 20 && completions[0].WorkRequestId >> 63 == 0 && completions[0].Status == CompletionStatus.Success)
                completions[0] = completions[0] with { Status = CompletionStatus.RemoteOperationError };
        }
    }
}
