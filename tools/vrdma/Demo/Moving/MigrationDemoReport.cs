using System.Globalization;
using RoceEngine.Channel;
using RoceEngine.Launching;
using RoceEngine.Vrdma.Output;

namespace RoceEngine.Vrdma.Demo.Moving;

/// <summary>The table of the moves and the verdict.</summary>
internal static class MigrationDemoReport
{
    /// <summary>Writes it; the sentence that says what is wrong, or null.</summary>
    public static string? Write(MigrationDemoResult result)
    {
        string[] phases = [.. result.Moves.SelectMany(move => move.Report.Phases).Select(phase => phase.Name).Distinct()];
        TextTable table = new([
            new("move", IsNumber: true), new("from"), new("to"), new("memory"), new("blackout ms", IsNumber: true), new("gap at peer ms", IsNumber: true),
            .. phases.Select(phase => new TextColumn(phase, IsNumber: true)), new("KiB sent", IsNumber: true),
        ]);
        int number = 0;
        foreach (MoveRecord move in result.Moves)
            table.AddRow(Row(++number, move, phases, result.PeerSamples));
        table.Write();
        WriteSpread("blackout", Spread.Of(result.Moves.Select(move => move.Report.BlackoutMs)));
        WriteSpread("longest gap between completions at the peer", Spread.Of(result.Moves.Select(move => move.GapMs(result.PeerSamples))));
        string? problem = FindProblem(result);
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Receiver.Messages} messages, {Readable.Amount(result.Receiver.Bytes)}, {result.Receiver.Atomics} atomics: {problem ?? "every completion once and in order, every byte right, every atomic applied once"}"));
        return problem;
    }

    /// <summary>The picture of the run.</summary>
    public static string Draw(MigrationDemoResult result)
    {
        double begin = result.BeginSeconds;
        ThroughputSample[] samples = [.. result.PeerSamples.Select(sample => new ThroughputSample(sample.Seconds - begin, sample.Amount))];
        PictureMove[] moves =
        [
            .. result.Moves.Select(move => new PictureMove(
                move.BeginSeconds - begin, move.EndSeconds - begin, TimeSpan.FromMilliseconds(move.Report.BlackoutMs))),
        ];
        return ThroughputPicture.Draw("A stream of RDMA WRITEs while its device moves between two daemons", samples, moves);
    }

    private static string? FindProblem(MigrationDemoResult result)
    {
        if (result.Sender.Messages != result.Receiver.Messages)
            return $"{result.Sender.Messages} completed at the sender";
        return result.Sender.Atomics != result.Receiver.Atomics ? $"{result.Sender.Atomics} atomics completed at the sender" : null;
    }

    private static string[] Row(int number, MoveRecord move, string[] phases, IReadOnlyList<StreamSample> samples) =>
    [
        number.ToString(CultureInfo.InvariantCulture), move.From, move.To, move.Report.Memory,
        Number(move.Report.BlackoutMs), Number(move.GapMs(samples)),
        .. phases.Select(phase => Number(move.Report.Phases.FirstOrDefault(time => time.Name == phase)?.Milliseconds ?? 0)),
        (move.Report.BytesSent >> 10).ToString(CultureInfo.InvariantCulture),
    ];

    private static void WriteSpread(string what, Spread spread) =>
        Console.Out.WriteLine($"{what}: median {Number(spread.Median)} ms, longest {Number(spread.Largest)} ms");

    private static string Number(double value) => value.ToString("F2", CultureInfo.InvariantCulture);
}
