using System.Diagnostics;
using RoceEngine.Verbs;

namespace RoceEngine.Librdmacm.Objects;

/// <summary>
/// What a QP had completed when its peer disconnected. The program hears of the disconnect when it has polled that, since programs destroy the QP then, and
/// its completions with it: a send that the peer acknowledged would count as lost, and a message that came would be. A kernel's events take longer than an
/// adapter's completions, so that such programs never see them overtake. One that does not poll hears of it all the same, a while later.
/// </summary>
internal sealed class UnpolledCompletions(QueuePair queuePair)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(100);

    private readonly long _since = Stopwatch.GetTimestamp();
    private readonly CompletionQueue _sends = queuePair.SendCompletionQueue;
    private readonly CompletionQueue _receives = queuePair.ReceiveCompletionQueue;
    private readonly uint _sendsEnd = queuePair.SendCompletionQueue.MarkEnd();
    private readonly uint _receivesEnd = queuePair.ReceiveCompletionQueue.MarkEnd();

    /// <summary>Nothing of it is left, or the program has had its time.</summary>
    public bool ArePolled => (_sends.HasPolled(_sendsEnd) && _receives.HasPolled(_receivesEnd)) || Stopwatch.GetElapsedTime(_since) >= s_patience;
}
