using RoceEngine.Verbs;

namespace Migration.Tests;

/// <content>An end that goes on from a snapshot, in another process.</content>
internal sealed partial class GuestTraffic
{
    private const uint Positions = 2 * CompletionEntries;

    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(100);

    /// <param name="socketPath">Of the daemon that has the device.</param>
    /// <param name="device">The restored device.</param>
    /// <param name="script">What this end sends.</param>
    /// <param name="peerScript">What the other end sends.</param>
    public GuestTraffic(string socketPath, string device, Script script, Script peerScript)
    {
        _script = script;
        _peerScript = peerScript;
        _context = RdmaContext.AttachRestored(device, socketPath);
        RestoredObjects restored = _context.Restored!;
        _state = new TrafficState(restored.Memories.Single(memory => memory.Tag == TrafficState.Tag));
        _memory = restored.Memories.Single(memory => memory.Tag == DataTag);
        _region = restored.MemoryRegions.Single();
        _completions = restored.CompletionQueues.Single();
        _receives = restored.SharedReceiveQueues.Single();
        _pairs = [.. restored.QueuePairs.OrderBy(pair => pair.Tag)];
        _addresses = [];
        for (int i = 0; i < _pairs.Length; i++)
            _indexOf[_pairs[i].Number] = i;
    }

    /// <summary>
    /// Takes up the traffic where the other process was stopped, which may be between any two of its instructions: tells what that one had not noted.
    /// </summary>
    public string TakeUp()
    {
        TrafficHead head = _state.Head;
        bool isHalf = head.IsNoted != 0 && head.Journal.Position == head.Position;
        if (isHalf)
            _state.Apply(Positions);
        if (head.IsNoted != 0 && head.Journal.Buffer >= 0)
        {
            if (_receives.Position == head.Journal.ReceivePosition)
                PostReceive(head.Journal.Buffer);
            else
                _state.ReceivePosted[head.Journal.Buffer] = 1;
        }
        int unposted = 0;
        for (int pair = 0; pair < _pairs.Length; pair++)
        {
            if (_pairs[pair].SendPosition == (uint)(_state.Posted[pair] & ((2 * SendDepth) - 1)))
                continue;
            _state.Posted[pair]--;
            unposted++;
            Demand(_pairs[pair].SendPosition == (uint)(_state.Posted[pair] & ((2 * SendDepth) - 1)), $"QP {pair} has posted something else than was noted");
        }
        return $"taken up, {_completions.Rewind(_state.Head.Position)} completions polled and not noted, {unposted} messages noted and not posted, {(isHalf ? 1 : 0)} half done";
    }

    /// <summary>
    /// What has become of a device that is older than what its peers know: each QP is in error, with one event, and each request outstanding was flushed once.
    /// </summary>
    public string ExpectBroken()
    {
        var events = new HashSet<uint>();
        WaitFor(() =>
        {
            while (_context.TryGetAsyncEvent(out AsyncEvent news))
            {
                if (news.Type == AsyncEventType.LastWorkRequestReached)
                    continue;
                Demand(news.Type == AsyncEventType.QueuePairFatal && news.QueuePair is not null, $"an event {news.Type}");
                Demand(events.Add(news.QueuePair!.Number), "two events of a QP");
            }
            return events.Count == _pairs.Length;
        }, "events of all QPs");
        Demand(_pairs.All(pair => pair.State == QueuePairState.Error && pair.Query().State == QueuePairState.Error), "a QP is not in error");
        _ = TakeUp();
        long flushed = 0;
        long quietSince = System.Diagnostics.Stopwatch.GetTimestamp();
        WaitFor(() =>
        {
            int count = _completions.Poll(_batch);
            for (int i = 0; i < count; i++)
                flushed += CountOnce(in _batch[i]) ? 1 : 0;
            if (count != 0 || !Posted.SequenceEqual(Done))
                quietSince = System.Diagnostics.Stopwatch.GetTimestamp();
            return System.Diagnostics.Stopwatch.GetElapsedTime(quietSince) > Quiet;
        }, "flushed completions");
        return $"ok {events.Count} events, {flushed} flushed";
    }

    /// <summary>True for a request that was flushed. Receives may be: the shared queue keeps those that no message has begun to fill.</summary>
    private bool CountOnce(in WorkCompletion completion)
    {
        Demand(completion.Status is CompletionStatus.Success or CompletionStatus.FlushError, $"{completion.Opcode} ended with {completion.Status}");
        Demand(_indexOf.TryGetValue(completion.QueuePairNumber, out int pair), $"nobody has QP {completion.QueuePairNumber}");
        if (completion.Opcode >= WorkCompletionOpcode.Receive)
        {
            int buffer = (int)completion.WorkRequestId;
            Demand((uint)buffer < Receives && _state.ReceivePosted[buffer] != 0, $"receive {buffer} completed twice");
            _state.ReceivePosted[buffer] = 0;
        }
        else
        {
            Demand(_state.Completed[pair] < _state.Posted[pair], $"QP {pair} has completed more than it posted");
            Demand(completion.WorkRequestId == Id(pair, _state.Completed[pair]), $"QP {pair}: {completion.WorkRequestId} is out of order");
            _state.Completed[pair]++;
        }
        return completion.Status == CompletionStatus.FlushError;
    }

    private static void WaitFor(Func<bool> condition, string what)
    {
        long begin = System.Diagnostics.Stopwatch.GetTimestamp();
        while (!condition())
        {
            Thread.Sleep(1);
            Demand(System.Diagnostics.Stopwatch.GetElapsedTime(begin) < Patience, what);
        }
    }
}
