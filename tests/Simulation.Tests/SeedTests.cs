using System.Globalization;
using RoceEngine.Simulation.Commands;
using RoceEngine.Simulation.Drawing;
using RoceEngine.Simulation.Traffic;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Tests;

/// <summary>
/// Worlds of many seeds. <c>SIM_SEED</c> is the first one, <c>SIM_SEEDS</c> how many; a failure prints the seed that replays it.
/// </summary>
public class SeedTests
{
    private const ulong SeedsByDefault = 1_000;

    [Fact]
    public void Worlds_of_many_seeds_are_clean()
    {
        ulong first = Read("SIM_SEED", 1);
        ulong count = Read("SIM_SEEDS", SeedsByDefault);
        var run = new SeedRun(first, count, Environment.ProcessorCount);
        run.Run(onFinished: null);
        Assert.True(run.FailureCount == 0, Describe(run));
        TestContext.Current.SendDiagnosticMessage(run.Summary());
        TestContext.Current.SendDiagnosticMessage(run.MovesInWords());
        if (count >= SeedsByDefault)
        {
            CheckVariety(run);
            CheckMoves(run);
        }
    }

    /// <summary>Clean worlds prove something only when all that can be asked for, and all that can go wrong, was in them.</summary>
    private static void CheckVariety(SeedRun run)
    {
        foreach (Operation operation in Enum.GetValues<Operation>())
            Assert.True(run.Tally.ByOperation[(int)operation] > 100, $"{operation} hardly happened: {run.Tally.ByOperation[(int)operation]}");
        foreach (DisruptionKind kind in Enum.GetValues<DisruptionKind>())
            Assert.True(run.Tally.ByDisruption[(int)kind] > 10, $"{kind} hardly happened: {run.Tally.ByDisruption[(int)kind]}");
        Assert.True(run.Tally.Drained > 50, $"hardly a send queue was drained: {run.Tally.Drained}");
        Assert.True(run.Tally.Reused > 100, $"hardly a queue pair was reset and used again: {run.Tally.Reused}");
        Assert.True(
            run.Tally.FromGroups > 100 && run.Tally.OwnFromGroups > 100, $"groups heard {run.Tally.FromGroups}, and {run.Tally.OwnFromGroups} of their own");
        CompletionStatus[] expected =
        [
            CompletionStatus.FlushError, CompletionStatus.LocalProtectionError, CompletionStatus.RemoteAccessError,
            CompletionStatus.RemoteInvalidRequestError, CompletionStatus.RetryExceededError, CompletionStatus.RnrRetryExceededError,
        ];
        foreach (CompletionStatus status in expected)
            Assert.True(run.Tally.SendsByStatus[(int)status] > 10, $"{status} hardly happened: {run.Tally.SendsByStatus[(int)status]}");
        Assert.True(run.Tally.ReceivesByStatus[(int)CompletionStatus.LocalLengthError] > 0, "no message was too long for its receive");
        Assert.True(run.Dropped * 200 > run.Datagrams, $"of {run.Datagrams} datagrams only {run.Dropped} were lost or spoiled");
    }

    /// <summary>
    /// A thousand devices that moved and a thousand that were saved and came back, each in the middle of its guest's work, and in each situation that a
    /// queue pair can be in. What all worlds check besides says that no completion was lost, doubled or out of order, and no atomic happened twice.
    /// </summary>
    private static void CheckMoves(SeedRun run)
    {
        string happened = run.MovesInWords();
        TestContext.Current.TestOutputHelper?.WriteLine(happened);
        Assert.True(run.Tally.Migrations >= 1_000 && run.Tally.Snapshots >= 1_000, happened);
        foreach (MoveKind kind in Enum.GetValues<MoveKind>())
            Assert.True(run.Tally.ByMoveUnderWay[(int)kind] > 50, $"{kind} hardly happened: {happened}");
        foreach (MoveSituation situation in Enum.GetValues<MoveSituation>())
            Assert.True(run.Tally.BySituation[(int)situation] > 10, $"{situation} hardly happened: {happened}");
    }

    private static string Describe(SeedRun run) =>
        $"{run.FailureCount} of {run.Finished} worlds were not clean; the first: "
        + string.Join("; ", run.Failures.Select(each => $"vrdma-sim --seed {each.Seed}: {each.Failure}"));

    private static ulong Read(string variable, ulong otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? ulong.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
