using System.Globalization;
using System.Net;
using RoceEngine.Channel;
using RoceEngine.Launching;

namespace RoceEngine.MigrationBenchmark;

/// <summary>Moves the device of a busy guest back and forth, for one number of QPs after the other.</summary>
internal sealed class MoveRun(DaemonProcess[] homes, DaemonProcess peerHome, IPAddress moving, IPAddress staying, string memory)
{
    /// <summary>There and back before anything is measured.</summary>
    private const int WarmUpMoves = 2;

    private static readonly TimeSpan s_between = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    /// <summary>Starts daemons, measures each row and ends them.</summary>
    public static async Task<MoveDocument> RunAsync(IReadOnlyList<int> counts, int moves, string memory, Action<MoveFigure> tell, CancellationToken cancellation)
    {
        PrivateDaemons daemons = PrivateDaemons.Create("Migration", "a", "b", "peer");
        await using (daemons.ConfigureAwait(false))
        {
            AddressPlan plan = new(new IPAddress([127, 18, (byte)Random.Shared.Next(1, 255), (byte)Random.Shared.Next(1, 255)]));
            IPAddress moving = plan.Take();
            IPAddress staying = plan.Take();
            DaemonProcess a = await daemons.StartAsync("a", moving, cancellation).ConfigureAwait(false);
            DaemonProcess b = await daemons.StartAsync("b", plan.Take(), cancellation).ConfigureAwait(false);
            DaemonProcess peer = await daemons.StartAsync("peer", staying, cancellation).ConfigureAwait(false);
            MoveRun run = new([a, b], peer, moving, staying, memory);
            List<MoveFigure> figures = [];
            foreach (int count in counts)
            {
                Console.Error.WriteLine($"{count} QPs …");
                MoveFigure figure = await run.MeasureAsync(count, moves, cancellation).ConfigureAwait(false);
                figures.Add(figure);
                tell(figure);
            }

            return new MoveDocument(memory, figures);
        }
    }

    private async Task<MoveFigure> MeasureAsync(int count, int moves, CancellationToken cancellation)
    {
        ChildProcess sender = StartEnd(isSender: true, homes[0].SocketPath, moving, count);
        await using (sender.ConfigureAwait(false))
        {
            ChildProcess receiver = StartEnd(isSender: false, peerHome.SocketPath, staying, count);
            await using (receiver.ConfigureAwait(false))
            {
                string senderEnd = await ReadAsync(sender, "end ", cancellation).ConfigureAwait(false);
                string receiverEnd = await ReadAsync(receiver, "end ", cancellation).ConfigureAwait(false);
                await receiver.WriteLineAsync(senderEnd, cancellation).ConfigureAwait(false);
                _ = await ReadAsync(receiver, "ready", cancellation).ConfigureAwait(false);
                await sender.WriteLineAsync(receiverEnd, cancellation).ConfigureAwait(false);
                _ = await ReadAsync(sender, "ready", cancellation).ConfigureAwait(false);
                return await MoveAsync(sender, receiver, count, moves, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task<MoveFigure> MoveAsync(ChildProcess sender, ChildProcess receiver, int count, int moves, CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        List<StreamSample> samples = [];
        Task watched = WatchAsync(receiver, samples, stop.Token);
        Task senderEnds = WatchAsync(sender, [], stop.Token);
        await receiver.WriteLineAsync("go", cancellation).ConfigureAwait(false);
        await sender.WriteLineAsync("go", cancellation).ConfigureAwait(false);
        Task<List<MoveRecord>> moved = Task.Run(() => MoveAll(moves, stop.Token), CancellationToken.None);
        Task first = await Task.WhenAny(moved, watched, senderEnds).ConfigureAwait(false);
        if (first != moved)
            await first.ConfigureAwait(false);
        List<MoveRecord> records = await moved.ConfigureAwait(false);
        await Task.Delay(s_between, cancellation).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAny(Task.WhenAll(watched, senderEnds)).ConfigureAwait(false);
        return Figure(count, records, samples);
    }

    private List<MoveRecord> MoveAll(int moves, CancellationToken cancellation)
    {
        List<MoveRecord> records = [];
        for (int i = 0; i < WarmUpMoves + moves; i++)
        {
            cancellation.WaitHandle.WaitOne(s_between);
            cancellation.ThrowIfCancellationRequested();
            DaemonProcess from = homes[i % 2];
            DaemonProcess to = homes[(i + 1) % 2];
            double begin = StreamClock.Now;
            MigrationReport report = PrivateDaemons.Move(from.SocketPath, moving.ToString(), to.MigrationEndPoint!, memory, cancellation);
            if (i >= WarmUpMoves)
                records.Add(new MoveRecord(from.SocketPath, to.SocketPath, begin, StreamClock.Now, report));
        }

        return records;
    }

    private static MoveFigure Figure(int count, List<MoveRecord> records, List<StreamSample> samples) => new(
        count,
        records.Count,
        Of(records.Select(move => move.GapMs(samples))),
        Of(records.Select(move => move.SteadyGapMs(samples))),
        Of(records.Select(move => move.Report.BlackoutMs)),
        [
            .. records.SelectMany(move => move.Report.Phases).GroupBy(phase => phase.Name)
                .Select(phase => new PhaseFigure(phase.Key, Spread.Of(phase.Select(time => time.Milliseconds)).Median)),
        ],
        records[^1].Report.DeviceStateBytes,
        samples.Sum(sample => sample.Amount) / (samples[^1].Seconds - samples[0].Seconds));

    private static Milliseconds Of(IEnumerable<double> values)
    {
        Spread spread = Spread.Of(values);
        return new Milliseconds(spread.Median, spread.Largest);
    }

    private static ChildProcess StartEnd(bool isSender, string socketPath, IPAddress address, int count) =>
        ChildProcess.Start(isSender ? "guest" : "peer", ProgramPath.Find("Migration"), BusyEnd.Arguments(isSender, socketPath, address, count));

    private static async Task<string> ReadAsync(ChildProcess process, string verb, CancellationToken cancellation)
    {
        string line = await process.ReadLineAsync(s_patience, cancellation).ConfigureAwait(false);
        return line.StartsWith(verb, StringComparison.Ordinal) ? line : throw new LaunchException($"{process.Label}: {line}");
    }

    /// <summary>Takes in samples until it is stopped. A process that says something else, or ends, fails the run.</summary>
    private static async Task WatchAsync(ChildProcess process, List<StreamSample> samples, CancellationToken cancellation)
    {
        while (true)
        {
            string[] words = (await process.ReadLineAsync(TimeSpan.FromDays(1), cancellation).ConfigureAwait(false)).Split(' ');
            if (words is not ["sample", _, _, _])
                throw new LaunchException($"{process.Label}: {string.Join(' ', words)}");
            samples.Add(new StreamSample(
                double.Parse(words[1], CultureInfo.InvariantCulture),
                long.Parse(words[2], CultureInfo.InvariantCulture),
                double.Parse(words[3], CultureInfo.InvariantCulture)));
        }
    }
}
