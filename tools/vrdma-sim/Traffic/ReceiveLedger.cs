using RoceEngine.Simulation.Checking;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <summary>The receives of a queue pair that have not ended, and the messages that must fill them, both oldest first.</summary>
internal sealed class ReceiveLedger(string owner)
{
    private readonly Queue<(ulong Id, int Slot)> _posted = new();
    private readonly Queue<ExpectedMessage> _expected = new();

    /// <summary>Receives that have not ended.</summary>
    public int Count => _posted.Count;

    /// <summary>Messages sent and not received.</summary>
    public int ExpectedCount => _expected.Count;

    public void Add(ulong id, int slot) => _posted.Enqueue((id, slot));

    public void Expect(ExpectedMessage message) => _expected.Enqueue(message);

    /// <summary>The receive that a completion is about: it must be the oldest. Returns its slot.</summary>
    public int Complete(in WorkCompletion completion)
    {
        ulong id = completion.WorkRequestId;
        CompletionStatus status = completion.Status;
        bool isOldest = _posted.TryDequeue(out (ulong Id, int Slot) oldest) && oldest.Id == id;
        SimulationFailure.Unless(isOldest, () => $"{owner}: receive #{id:x} completed with {status}, the oldest outstanding is #{oldest.Id:x}");
        return oldest.Slot;
    }

    /// <summary>The message that the next filled receive must hold.</summary>
    public ExpectedMessage TakeExpected() => _expected.TryDequeue(out ExpectedMessage? message)
        ? message
        : throw new SimulationFailure($"{owner}: a message came that was never sent, or came twice");

    /// <summary>
    /// The message that the next filled receive must hold where messages may be missing: the first that fits. Those before it are lost,
    /// or, where the network shuffles, may yet come, and this one too.
    /// </summary>
    public ExpectedMessage TakeAny(Func<ExpectedMessage, bool> fits, bool mayShuffle)
    {
        foreach (ExpectedMessage message in _expected)
        {
            if (!fits(message))
                continue;
            while (!mayShuffle && _expected.Dequeue() != message)
            {
            }
            return message;
        }
        throw new SimulationFailure($"{owner}: a message came that was never sent like this, came twice, or came after a later one");
    }

    /// <summary>The message whose turn it is; null when none was sent.</summary>
    public ExpectedMessage? PeekExpected() => _expected.TryPeek(out ExpectedMessage? message) ? message : null;

    /// <summary>At the end: what the sender was told has arrived must have come out here.</summary>
    public void CheckDelivered() => SimulationFailure.Unless(
        PeekExpected() is not { IsAcknowledged: true }, () => $"{owner}: the sender was told that a message arrived, but no receive completed");
}
