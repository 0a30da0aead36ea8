using RoceEngine.Simulation.Checking;
using RoceEngine.Simulation.World;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <content>Receives: posted, perhaps late on purpose, and compared with what the peer sent.</content>
internal sealed partial class ConnectionEnd
{
    private const int SlotGuardBytes = 16;

    private ulong _receiveSequence;

    private int ReceiveSlotBytes => _plan.ReceiveBytes + SlotGuardBytes;

    private void PostFirstReceives()
    {
        int incarnation = _connection.Incarnation;
        for (int slot = 0; slot < _plan.ReceiveDepth; slot++)
            PlanReceive(slot, incarnation);
    }

    private void PlanReceive(int slot, int incarnation)
    {
        long delayNs = _plan.ReceiveDelayNsMax == 0 ? 0 : _dice.Between(0, _plan.ReceiveDelayNsMax);
        if (delayNs == 0)
            PostReceive(slot);
        else
            _world.After(delayNs, () => PostReceiveLate(slot, incarnation));
    }

    private void PostReceiveLate(int slot, int incarnation)
    {
        if (incarnation == _connection.Incarnation && State == EndState.Up)
            PostReceive(slot);
    }

    private void PostReceive(int slot)
    {
        ulong id = ReceiveBit | _receiveSequence++;
        Span<ScatterGatherEntry> entries = stackalloc ScatterGatherEntry[8];
        int count = Cut(Memory.Receives.Entry(slot * ReceiveSlotBytes, _plan.ReceiveBytes), entries[.._plan.ReceiveSges]);
        _pair.PostReceive(id, entries[..count]);
        _receives.Add(id, slot);
        _world.Log.Add(_world.NowNs, EventKind.ReceivePosted, Name, id & ~ReceiveBit);
        _world.Touch();
    }

    private void OnReceiveCompletion(in WorkCompletion completion)
    {
        int slot = _receives.Complete(completion);
        if (completion.Status == CompletionStatus.Success)
        {
            CheckMessage(completion, _receives.TakeExpected(), slot);
            PlanReceive(slot, _connection.Incarnation);
        }
        else
        {
            FailReceive(completion.Status, slot);
        }
    }

    private void CheckMessage(in WorkCompletion completion, ExpectedMessage message, int slot)
    {
        bool isWrite = message.Opcode == SendOpcode.WriteWithImmediate;
        bool hasImmediate = message.Opcode is SendOpcode.SendWithImmediate or SendOpcode.WriteWithImmediate;
        WorkCompletion seen = completion;
        SimulationFailure.Unless(
            message.Doom == CompletionStatus.Success, () => $"{Name}: receive #{seen.WorkRequestId:x} was filled by a message that had to be refused");
        SimulationFailure.Unless(
            completion.Opcode == (isWrite ? WorkCompletionOpcode.ReceiveWriteWithImmediate : WorkCompletionOpcode.Receive)
            && completion.ByteLength == message.Bytes
            && ((completion.Flags & CompletionFlags.WithImmediate) != 0) == hasImmediate
            && (!hasImmediate || completion.ImmediateData == message.Immediate),
            () => $"{Name}: receive #{seen.WorkRequestId:x} says {seen.Opcode}, {seen.ByteLength} bytes, immediate {seen.ImmediateData:x}; "
                + $"sent was {message.Opcode}, {message.Bytes} bytes, immediate {message.Immediate:x}");
        Span<byte> buffer = Memory.ReceiveBytes(slot * ReceiveSlotBytes, ReceiveSlotBytes);
        int filled = isWrite ? 0 : message.Bytes;
        SimulationFailure.Unless(
            buffer[..filled].SequenceEqual(message.Source.Expected(message.SourceOffset, filled)),
            () => $"{Name}: receive #{seen.WorkRequestId:x} of {filled} bytes does not hold what was sent");
        SimulationFailure.Unless(
            !buffer[filled..].ContainsAnyExcept(Pattern.Blank), () => $"{Name}: receive #{seen.WorkRequestId:x} was written beyond its message");
        buffer[..filled].Fill(Pattern.Blank);
        _lastProgressNs = _world.NowNs;
        _world.Touch();
    }

    private void FailReceive(CompletionStatus status, int slot)
    {
        if (status == CompletionStatus.FlushError)
        {
            _receiveFlushed = true;
            BeginFailing();
            return;
        }
        CompletionStatus? doom = _receives.PeekExpected()?.Doom;
        SimulationFailure.Unless(
            status == CompletionStatus.LocalLengthError && doom == CompletionStatus.RemoteInvalidRequestError,
            () => $"{Name}: a receive ended with {status} without a cause");
        _receives.TakeExpected();
        SimulationFailure.Unless(
            !Memory.ReceiveBytes(slot * ReceiveSlotBytes + _plan.ReceiveBytes, SlotGuardBytes).ContainsAnyExcept(Pattern.Blank),
            () => $"{Name}: a message that was too long was written beyond its receive");
        BeginFailing();
    }
}
