using RoceEngine.Verbs;

namespace RoceEngine.Vrdma.Demo.Moving;

/// <summary>The end that moves: writes, takes every completion in its order, and checks what its atomics bring back.</summary>
internal sealed class StreamSender(AttachOptions options) : StreamEnd(options)
{
    private long _posted;
    private long _completed;
    private long _checked;
    private long _credits;
    private long _atomicsPosted;
    private long _atomics;
    private ulong _nextRequest;
    private ulong _nextCompletion;

    public override void Prepare()
    {
        for (int i = 0; i < ReceiveDepth; i++)
            QueuePair.PostReceive((ulong)i, []);
    }

    public override StreamTotal Run(Func<bool> isStopping)
    {
        bool stops = false;
        while (!stops || _completed < _posted || _checked < _posted || _atomics < _atomicsPosted)
        {
            // Whole credits, so that the last one comes.
            stops = stops || (_posted % MessagesPerCredit == 0 && isStopping());
            while (!stops && _posted - _checked < Slots)
                Post();
            foreach (ref readonly WorkCompletion completion in Poll())
                Take(completion);
        }

        return new StreamTotal(_completed, _completed * MessageBytes, _atomics);
    }

    private void Post()
    {
        Pattern.Fill(Slot(_posted), Seed(_posted));
        SendRequest write = new()
        {
            WorkRequestId = _nextRequest++,
            Opcode = SendOpcode.WriteWithImmediate,
            Flags = SendFlags.Signaled,
            Immediate = (uint)_posted,
            RemoteKey = Peer.RemoteKey,
            RemoteAddress = Peer.MemoryAddress + (ulong)SlotOffset(_posted),
        };
        QueuePair.PostSend(write, [SlotEntry(_posted)]);
        _posted++;

        // One at a time: there is one place for the result.
        if (_posted % MessagesPerAtomic == 0 && _atomics == _atomicsPosted)
            PostAtomic();
    }

    private void PostAtomic()
    {
        SendRequest add = new()
        {
            WorkRequestId = _nextRequest++,
            Opcode = SendOpcode.FetchAdd,
            Flags = SendFlags.Signaled,
            RemoteKey = Peer.RemoteKey,
            RemoteAddress = PeerCounterAddress,
            CompareAdd = 1,
        };
        QueuePair.PostSend(add, [ResultEntry]);
        _atomicsPosted++;
    }

    private void Take(in WorkCompletion completion)
    {
        if (completion.Opcode == WorkCompletionOpcode.Receive)
        {
            Require(completion.WorkRequestId == (ulong)(_credits % ReceiveDepth), $"credit {_credits} came out of order");
            QueuePair.PostReceive(completion.WorkRequestId, []);
            _credits++;
            _checked += MessagesPerCredit;
            Require(completion.ImmediateData == (uint)_checked, $"a credit says {completion.ImmediateData} instead of {_checked}");
            return;
        }

        Require(completion.WorkRequestId == _nextCompletion, $"request {completion.WorkRequestId} completed instead of {_nextCompletion}");
        _nextCompletion++;
        if (completion.Opcode == WorkCompletionOpcode.FetchAdd)
        {
            Require(Result == (ulong)_atomics, $"atomic {_atomics} found {Result} in the counter");
            _atomics++;
            return;
        }

        _completed++;
        Meter.Completed(MessageBytes);
    }
}
