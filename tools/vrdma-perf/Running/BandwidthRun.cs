using RoceEngine.PerfTool.Exchange;
using RoceEngine.PerfTool.Options;
using RoceEngine.PerfTool.Statistics;
using RoceEngine.Verbs;

namespace RoceEngine.PerfTool.Running;

/// <summary>
/// A side's part in a bandwidth test of one size: keeps the send queues full, takes completions, replaces receives that
/// were used. A side may send, receive, do both, or only keep its device running while the other side works.
/// </summary>
internal sealed class BandwidthRun(PerfOptions options, MessagePoster[] posters, CompletionWaiter waiter, bool sends, bool receives)
{
    /// <summary>How long the last messages may take to arrive once the other side says that it sent them.</summary>
    private const long LossPatienceNs = 1_000_000_000;

    private readonly long[] _sent = new long[posters.Length];
    private readonly long[] _completed = new long[posters.Length];
    private long[] _postedNs = [];
    private long[] _completedNs = [];
    private long _totalSent;
    private long _totalCompleted;
    private readonly long[] _receivesPosted = new long[posters.Length];
    private long _totalReceived;
    private long _counted;
    private long _firstPostNs;
    private long _lastCompletionNs;
    private RunClock? _clock;
    private bool _ending;
    private long _warmUp;

    /// <summary>Messages sent on each queue pair, those of the warm-up among them.</summary>
    public long[] Sent => Array.ConvertAll(_sent, sent => sent + _warmUp);

    /// <summary>Messages received, all together.</summary>
    public long Received => _totalReceived;

    /// <summary>Posts the receives of a size, before the other side may begin.</summary>
    public void Prepare(int sizeBytes)
    {
        // A shared queue's depth is for all of them.
        int receivesEach = options.UseSharedReceiveQueue ? options.ReceiveDepth / posters.Length : options.ReceiveDepth;
        for (int index = 0; index < posters.Length; index++)
        {
            posters[index].Prepare(sizeBytes);
            while (receives && posters[index].OpenReceives < receivesEach && MayPostReceive(index))
                PostReceive(index);
        }

        if (sends && !options.NoPeak)
        {
            _postedNs = new long[options.Iterations * posters.Length];
            _completedNs = new long[options.Iterations * posters.Length];
        }
    }

    /// <summary>One send depth of messages on every queue pair, before the clock starts.</summary>
    public void WarmUp()
    {
        _warmUp = options.SendDepth;
        foreach (MessagePoster poster in posters)
        {
            for (int count = 1; count <= options.SendDepth; count++)
                poster.Post(count == options.SendDepth);
        }

        for (int open = posters.Length; open > 0;)
            open -= waiter.Poll();
    }

    /// <summary>Sends everything and takes every completion.</summary>
    public BandwidthResult Send(int sizeBytes)
    {
        long nowNs = RunClock.NowNs;
        _firstPostNs = nowNs;
        _clock = options.IsDuration ? new RunClock(nowNs, options.DurationSeconds, options.MarginSeconds) : null;
        long total = options.Iterations * posters.Length;
        while (_clock is null ? _totalCompleted < total : !_ending || _totalCompleted < _totalSent)
        {
            for (int index = 0; index < posters.Length; index++)
                Fill(index);
            TakeCompletions();
        }

        return _clock is null
            ? BandwidthResult.From(sizeBytes, total, (_lastCompletionNs - _firstPostNs) / 1e9, options.NoPeak ? 0 : PeakRate.LeastNsPerMessage(_postedNs, _completedNs))
            : BandwidthResult.From(sizeBytes, _counted, _clock.MeasuredSeconds);
    }

    /// <summary>Serves the other side until it is done and all that it sent has been received.</summary>
    public void Serve(bool mustPoll)
    {
        if (receives && options.IsLossy)
        {
            ServeLossy();
        }
        else if (receives)
        {
            while (waiter.PeerDone is null || _totalReceived < waiter.PeerDone.Sent!.Sum())
                TakeCompletions();
        }
        else
        {
            waiter.WaitForPeer(mustPoll);
        }
    }

    /// <summary>What has not come a while after the other side sent its last message was lost.</summary>
    private void ServeLossy()
    {
        long quietSinceNs = RunClock.NowNs;
        long received = _totalReceived;
        bool isDone = false;
        while (waiter.PeerDone is null || (_totalReceived < waiter.PeerDone.Sent!.Sum() && RunClock.NowNs - quietSinceNs < LossPatienceNs))
        {
            TakeCompletions();
            if (received != _totalReceived || isDone != waiter.PeerDone is not null)
                (quietSinceNs, received, isDone) = (RunClock.NowNs, _totalReceived, waiter.PeerDone is not null);
        }
    }

    /// <summary>Posts on one queue pair until its send queue is full or everything is posted.</summary>
    private void Fill(int index)
    {
        long room = options.SendDepth + _completed[index] - _sent[index];
        if (_clock is null)
            room = Math.Min(room, options.Iterations - _sent[index]);
        else if (_ending)
            room = Math.Min(room, Remainder(_sent[index]));
        if (room < options.PostList)
            return;

        if (!options.NoPeak)
            Array.Fill(_postedNs, RunClock.NowNs, (int)_totalSent, (int)(room - (room % options.PostList)));
        MessagePoster poster = posters[index];
        for (; room >= options.PostList; room -= options.PostList)
            PostList(poster, index);
    }

    /// <summary>Messages missing until the next one that asks for a completion: without it the last ones would stay unknown.</summary>
    private long Remainder(long sent) => (options.CompletionModeration - (sent % options.CompletionModeration)) % options.CompletionModeration;

    private void PostList(MessagePoster poster, int index)
    {
        bool batch = options.PostList > 1;
        if (batch)
            poster.Pair.BeginPost();
        for (int count = 0; count < options.PostList; count++)
        {
            long number = ++_sent[index];
            poster.Post(number % options.CompletionModeration == 0 || (_clock is null && number == options.Iterations));
        }

        if (batch)
            poster.Pair.EndPost();
        _totalSent += options.PostList;
    }

    private void TakeCompletions()
    {
        int count = waiter.Poll();
        long nowNs = _clock is null && count == 0 ? 0 : RunClock.NowNs;
        bool counts = Advance(nowNs);
        foreach (ref readonly WorkCompletion completion in waiter.Batch(count))
        {
            int index = (int)(uint)completion.WorkRequestId;
            if ((completion.WorkRequestId & MessagePoster.ReceiveMark) != 0)
            {
                _totalReceived++;
                posters[index].OnReceived();
                if (MayPostReceive(index))
                    PostReceive(index);
            }
            else
            {
                TakeSend(index, nowNs, counts);
            }
        }
    }

    /// <summary>False when enough are posted for all messages to come: those of a size must not outlive it, unless they fit every size.</summary>
    private bool MayPostReceive(int index) => options.IsDuration || options.IsLossy || _receivesPosted[index] < options.Iterations;

    private void PostReceive(int index)
    {
        _receivesPosted[index]++;
        posters[index].PostReceive();
    }

    /// <summary>Follows the clock of a run by duration; true when a completion of now counts.</summary>
    private bool Advance(long nowNs)
    {
        if (_clock is null || _ending)
            return false;
        RunPhase phase = _clock.At(nowNs);
        _ending = phase == RunPhase.End;
        // What completed up to the first reading belongs to the time before it.
        return phase == RunPhase.Measure && nowNs != _clock.MeasuredFromNs;
    }

    /// <summary>One completion stands for all messages since the one before.</summary>
    private void TakeSend(int index, long nowNs, bool counts)
    {
        long messages = Math.Min(options.CompletionModeration, _sent[index] - _completed[index]);
        _completed[index] += messages;
        _totalCompleted += messages;
        if (counts)
            _counted += messages;
        waiter.Count(messages);
        _lastCompletionNs = nowNs;
        if (!options.NoPeak)
            _completedNs[_totalCompleted - 1] = nowNs;
    }
}
