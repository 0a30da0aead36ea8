using RoceEngine.PerfTool.Exchange;
using RoceEngine.PerfTool.Migrating;
using RoceEngine.PerfTool.Options;
using RoceEngine.PerfTool.Report;
using RoceEngine.PerfTool.Statistics;
using RoceEngine.Verbs;

namespace RoceEngine.PerfTool.Running;

/// <summary>How a side keeps its device running while it only waits.</summary>
internal enum DeviceDrive
{
    /// <summary>A daemon, a worker thread or the other side's polling does it: sleep.</summary>
    Others,

    /// <summary>Only this side's polling does it.</summary>
    Polling,
}

/// <summary>One side of a test from the first message to the report.</summary>
/// <param name="options">The run.</param>
/// <param name="isClient">The side that begins.</param>
/// <param name="channel">To the other side.</param>
/// <param name="context">The device; it stays the caller's.</param>
/// <param name="drive">What keeps it running.</param>
/// <param name="report">Where the results go.</param>
/// <param name="mover">Moves the client's device while the test runs; null when it stays.</param>
/// <param name="stop">Ends the run.</param>
internal sealed class PerfSession(
    PerfOptions options, bool isClient, IPeerChannel channel, RdmaContext context, DeviceDrive drive, TextReport report,
    DeviceMover? mover = null, CancellationToken stop = default)
{
    private int _step;

    /// <summary>Results in the order of the sizes, for the caller's tests.</summary>
    public List<object> Results { get; } = [];

    /// <summary>Runs the side.</summary>
    /// <exception cref="PeerException">The other side is gone, differs or failed, or an operation failed.</exception>
    /// <exception cref="UsageException">The device cannot do what the options ask for.</exception>
    public void Run()
    {
        try
        {
            channel.Send(PeerProtocol.Hello(options));
            PeerProtocol.RequireAgreement(options, PeerProtocol.Expect(channel, PeerMessageKind.Hello));
            using Endpoint endpoint = new(context, options);
            RunConnected(endpoint);
        }
        catch (Exception exception) when (exception is VerbsException or UsageException or PeerException or OperationCanceledException)
        {
            TellPeer(exception.Message);
            throw;
        }
    }

    private void RunConnected(Endpoint endpoint)
    {
        PeerMessage own = endpoint.Describe();
        channel.Send(own);
        PeerMessage peer = PeerProtocol.Expect(channel, PeerMessageKind.Endpoints);
        endpoint.Connect(peer, options);

        DeviceFacts facts = new(context.Name, endpoint.MtuBytes, endpoint.InlineBytes, endpoint.OutstandingReads);
        JsonReport json = new(options, facts, isClient);
        int mostBytes = options.IsDatagram ? endpoint.MtuBytes : int.MaxValue;
        if (options.AllSizes && mostBytes < PerfTest.SweepMaximumBytes)
            report.DatagramLimit(mostBytes);
        report.Parameters(facts, isClient);
        report.QueuePairs("local", own, endpoint.OutstandingReads);
        report.QueuePairs("remote", peer, endpoint.OutstandingReads);
        report.Head();

        MessagePoster[] posters = new MessagePoster[endpoint.Pairs.Length];
        for (int index = 0; index < posters.Length; index++)
            posters[index] = new MessagePoster(endpoint, index, peer.QueuePairs![index], options);

        CompletionWaiter waiter = new(endpoint, options, channel, mover?.Meter, stop);
        Verification? verification = options.Verify ? new Verification(options, endpoint) : null;
        List<string> missed = [];
        foreach (int sizeBytes in options.Sizes().Select(size => Math.Min(size, mostBytes)).Distinct())
        {
            waiter.Restart();
            verification?.Prepare(sizeBytes);
            if (options.Test.IsBandwidth)
                RunBandwidth(sizeBytes, posters, waiter, verification, json, missed);
            else
                RunLatency(sizeBytes, endpoint, posters[0], waiter, verification, json, missed);
            _step++;
        }

        report.Losses();
        report.End();
        if (options.JsonOutput && Results.Count > 0)
            report.Document(json.ToBytes());
        if (options.JsonFile is { } file && Results.Count > 0)
            json.Save(file);
        if (missed.Count > 0)
            throw new PeerException(string.Join("; ", missed.Distinct()));
    }

    private void RunBandwidth(
        int sizeBytes, MessagePoster[] posters, CompletionWaiter waiter, Verification? verification, JsonReport json, List<string> missed)
    {
        bool sends = isClient || options.Bidirectional;
        bool receives = options.Test.UsesReceives && (!isClient || options.Bidirectional);
        BandwidthRun run = new(options, posters, waiter, sends, receives);
        run.Prepare(sizeBytes);
        Barrier(waiter);
        if (options.WarmUp && sends)
            run.WarmUp();
        (long Busy, long Total) before = CpuFacts.ReadTicks();
        BandwidthResult own = default;
        if (sends)
        {
            mover?.Begin();
            own = run.Send(sizeBytes);
            Moved(json, missed);
            SendDone(run.Sent, own);
        }

        run.Serve(drive == DeviceDrive.Polling);
        double busy = CpuFacts.BusyPercent(before, CpuFacts.ReadTicks());
        verification?.Check(sizeBytes, sends ? run.Sent : null, waiter.PeerDone!.Sent);
        if (!sends)
            SendDone(run.Sent, default, run.Received);
        NoteLosses(sizeBytes, run, waiter.PeerDone!, receives);
        BandwidthResult other = FromPeer(sizeBytes, waiter.PeerDone!);
        BandwidthResult shown = options.Bidirectional ? own.Plus(other) : sends ? own : other;
        report.Result(shown, busy);
        if (options.ReportBoth)
            report.Sides(own, other);
        json.Add(shown, busy);
        Results.Add(shown);
        NoteMissedLimits(shown, missed);
    }

    private void RunLatency(int sizeBytes, Endpoint endpoint, MessagePoster poster, CompletionWaiter waiter, Verification? verification, JsonReport json, List<string> missed)
    {
        bool measures = isClient || options.Test.IsPingPong;
        LatencyRun run = LatencyRun.For(options, endpoint, poster, waiter, isClient);
        run.Prepare(sizeBytes);
        Barrier(waiter);
        (long Busy, long Total) before = CpuFacts.ReadTicks();
        mover?.Begin();
        LatencyResult? result = measures ? run.Run(sizeBytes) : null;
        Moved(json, missed);
        double busy = CpuFacts.BusyPercent(before, CpuFacts.ReadTicks());
        if (isClient)
            SendDone([run.Sent], default);
        waiter.WaitForPeer(drive == DeviceDrive.Polling);
        verification?.Check(sizeBytes, [run.Sent], waiter.PeerDone!.Sent);
        if (!isClient)
            SendDone([run.Sent], default);
        if (result is null)
            return;
        report.Result(result, busy);
        json.Add(result, busy);
        Results.Add(result);
    }

    /// <summary>The stream is over, and with it the moves; what did not go well fails the run after its report.</summary>
    private void Moved(JsonReport json, List<string> missed)
    {
        if (mover is null)
            return;
        MigrationResult result = mover.End();
        json.Migration = result;
        report.Migration = result;
        if (result.Failures.Count > 0)
            missed.Add($"{result.Failures.Count} of {result.Failures.Count + result.Moves.Count} moves failed: {string.Join("; ", result.Failures.Distinct())}");
        else if (result.Moves.Count == 0)
            missed.Add("the device did not move");
    }

    /// <summary>What this side sent or should have received, and what came of it.</summary>
    private void NoteLosses(int sizeBytes, BandwidthRun run, PeerMessage peer, bool receives)
    {
        if (!options.IsLossy || !options.Test.UsesReceives)
            return;
        long sent = receives ? peer.Sent!.Sum() : run.Sent.Sum();
        long received = receives ? run.Received : peer.Received ?? sent;
        report.NoteLoss(sizeBytes, sent - received, sent);
    }

    /// <summary>Both sides are ready for what comes next. The other side's device may need this side's to run meanwhile.</summary>
    private void Barrier(CompletionWaiter waiter)
    {
        channel.Send(new PeerMessage { Kind = PeerMessageKind.Barrier, Step = _step });
        PeerMessage peer = PeerProtocol.Expect(
            channel,
            PeerMessageKind.Barrier,
            drive == DeviceDrive.Polling ? waiter.DriveOnly : null,
            waiter.CheckHealth);
        if (peer.Step != _step)
            throw new PeerException($"the other side is out of step: at size {peer.Step + 1} instead of {_step + 1}");
    }

    private void SendDone(long[] sent, in BandwidthResult result, long? received = null) => channel.Send(new PeerMessage
    {
        Kind = PeerMessageKind.Done,
        Step = _step,
        Sent = sent,
        Received = received,
        Result = new PeerResult(result.Iterations, result.PeakBytesPerSecond, result.AverageBytesPerSecond, result.MessagesPerSecond),
    });

    private static BandwidthResult FromPeer(int sizeBytes, PeerMessage done) => done.Result is { } result
        ? new BandwidthResult(sizeBytes, result.Iterations, result.PeakBytesPerSecond, result.AverageBytesPerSecond, result.MessagesPerSecond)
        : default;

    private void NoteMissedLimits(in BandwidthResult result, List<string> missed)
    {
        if (options.MinimumBandwidth is { } bandwidth && TextColumns.InUnit(result.AverageBytesPerSecond, options.Gigabits) < bandwidth)
            missed.Add("BW result is below bw limit");
        if (options.MinimumMessageRate is { } rate && result.MessagesPerSecond / 1e6 < rate)
            missed.Add("Msg rate is below msg_rate limit");
    }

    private void TellPeer(string text)
    {
        try
        {
            channel.Send(new PeerMessage { Kind = PeerMessageKind.Failure, Text = text });
        }
        catch (PeerException)
        {
            // The other side is gone already; the first error is the one to show.
        }
    }
}
