using RoceEngine.Verbs;

namespace RoceEngine.Vrdma.Demo.Moving;

/// <summary>The end that stays where it is: checks number, order and every byte of each message.</summary>
internal sealed class StreamReceiver(AttachOptions options) : StreamEnd(options)
{
    private long _received;
    private long _creditsPosted;
    private long _creditsCompleted;

    public override void Prepare()
    {
        for (int i = 0; i < ReceiveDepth; i++)
            QueuePair.PostReceive((ulong)i, []);
    }

    public override StreamTotal Run(Func<bool> isStopping)
    {
        while (!isStopping() || _creditsCompleted < _creditsPosted)
        {
            foreach (ref readonly WorkCompletion completion in Poll())
                Take(completion);
        }

        return new StreamTotal(_received, _received * MessageBytes, (long)Counter);
    }

    private void Take(in WorkCompletion completion)
    {
        if (completion.Opcode == WorkCompletionOpcode.Send)
        {
            Require(completion.WorkRequestId == (ulong)_creditsCompleted, $"credit {completion.WorkRequestId} completed instead of {_creditsCompleted}");
            _creditsCompleted++;
            return;
        }

        Require(completion.WorkRequestId == (ulong)(_received % ReceiveDepth), $"message {_received} came out of order");
        Require(completion.ImmediateData == (uint)_received, $"message {completion.ImmediateData} came instead of {_received}");
        Meter.Completed(MessageBytes);
        int at = Pattern.FirstDifference(Slot(_received), Seed(_received));
        Require(at < 0, $"message {_received} differs at byte {at}");
        QueuePair.PostReceive(completion.WorkRequestId, []);
        _received++;
        if (_received % MessagesPerCredit == 0)
            PostCredit();
    }

    private void PostCredit()
    {
        SendRequest credit = new()
        {
            WorkRequestId = (ulong)_creditsPosted++,
            Opcode = SendOpcode.SendWithImmediate,
            Flags = SendFlags.Signaled,
            Immediate = (uint)_received,
        };
        QueuePair.PostSend(credit, []);
    }
}
