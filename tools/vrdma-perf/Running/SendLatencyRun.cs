using RoceEngine.PerfTool.Options;

namespace RoceEngine.PerfTool.Running;

/// <summary>SEND ping-pong: the completion of a receive is the peer's message.</summary>
internal sealed class SendLatencyRun(PerfOptions options, MessagePoster poster, CompletionWaiter waiter, bool isClient)
    : LatencyRun(options, poster, waiter, isClient)
{
    private long _received;
    private long _receivesPosted;

    public override void Prepare(int sizeBytes)
    {
        base.Prepare(sizeBytes);
        for (int count = 0; count < Options.ReceiveDepth; count++)
            PostReceive();
    }

    protected override bool Await(long number)
    {
        LossWatch watch = new(Options);
        while (_received < number)
        {
            TakeCompletions();
            watch.Check();
            if (Waiter.PeerDone is not null && Options.IsDuration && _received < number)
                return false;
        }

        return true;
    }

    protected override void OnReceived()
    {
        _received++;
        PostReceive();
    }

    /// <summary>Posts a receive unless enough are posted for all messages to come: those of a size must not outlive it.</summary>
    private void PostReceive()
    {
        if (!Options.IsDuration && _receivesPosted == Options.Iterations)
            return;
        _receivesPosted++;
        Poster.PostReceive();
    }
}
