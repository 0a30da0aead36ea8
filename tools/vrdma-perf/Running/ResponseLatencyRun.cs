using RoceEngine.PerfTool.Options;

namespace RoceEngine.PerfTool.Running;

/// <summary>READ and atomics: the peer's device answers, and the completion is the answer. Only the client runs.</summary>
internal sealed class ResponseLatencyRun(PerfOptions options, MessagePoster poster, CompletionWaiter waiter, bool isClient)
    : LatencyRun(options, poster, waiter, isClient)
{
    protected override bool Await(long number)
    {
        while (Open > 0)
            TakeCompletions();
        return true;
    }
}
