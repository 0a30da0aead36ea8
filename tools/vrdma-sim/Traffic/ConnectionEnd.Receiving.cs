using RoceEngine.Simulation.Checking;
using RoceEngine.Simulation.World;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <content>Receives: posted, perhaps late on purpose, and compared with what the peer sent.</content>
internal sealed partial class ConnectionEnd
{
    /// <summary>Bytes behind a receive that no message may touch.</summary>
    public const int SlotGuardBytes = 16;

    private readonly List<PostedSend> _peerWrites = [];

    private ulong _receiveSequence;

    /// <summary>The longest message that this end can receive.</summary>
    public int MessageBytesMax => _plan.UsesSharedReceives ? SharedReceives.MessageBytesMax : _plan.ReceiveBytes;

    private int HeaderBytes => IsDatagram ? AddressHandle.GlobalRouteHeaderBytes : 0;

    private int ReceiveSlotBytes => AddressHandle.GlobalRouteHeaderBytes + _plan.ReceiveBytes + SlotGuardBytes;

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
        int count = Cut(Memory.Receives.Entry(slot * ReceiveSlotBytes, HeaderBytes + _plan.ReceiveBytes), entries[.._plan.ReceiveSges]);
        _pair.PostReceive(id, entries[..count]);
        _receives.Add(id, slot);
        _world.Log.Add(_world.NowNs, EventKind.ReceivePosted, Name, id & ~ReceiveBit);
        _world.Touch();
    }

    private void OnReceiveCompletion(in WorkCompletion completion)
    {
        SharedReceives? shared = _plan.UsesSharedReceives ? Guest.SharedReceives : null;
        int slot = shared?.Complete(completion) ?? _receives.Complete(completion);
        Span<byte> buffer = shared is null ? Memory.ReceiveBytes(slot * ReceiveSlotBytes, ReceiveSlotBytes) : shared.Slot(slot);
        if (completion.Status == CompletionStatus.Success)
            CheckMessage(completion, FindMessage(completion, buffer), buffer);
        else
            FailReceive(completion.Status, buffer);
        if (shared is not null)
        {
            buffer[..^SlotGuardBytes].Fill(Pattern.Blank);
            shared.PostAgain(slot);
        }
        else if (completion.Status == CompletionStatus.Success)
        {
            PlanReceive(slot, _connection.Incarnation);
        }
    }

    private ExpectedMessage FindMessage(in WorkCompletion completion, Span<byte> buffer)
    {
        if (IsReliable)
            return _receives.TakeExpected();
        WorkCompletion seen = completion;
        byte[] data = buffer[HeaderBytes..Math.Max(HeaderBytes, Math.Min(buffer.Length, (int)completion.ByteLength))].ToArray();
        bool isOwn = IsOwnCopy(completion);
        bool isShuffled = !isOwn && AreApart && (HaveMoved || _world.Plan.Faults.Phases.Any(phase => phase.Shuffles));
        return (isOwn ? _ownCopies : _receives).TakeAny(
            message => message.Bytes + HeaderBytes == seen.ByteLength
                && (seen.Opcode == WorkCompletionOpcode.ReceiveWriteWithImmediate) == (message.Opcode == SendOpcode.WriteWithImmediate)
                && ((seen.Flags & CompletionFlags.WithImmediate) == 0) == (message.Opcode == SendOpcode.Send)
                && (message.Opcode == SendOpcode.Send || message.Immediate == seen.ImmediateData)
                && (message.Opcode == SendOpcode.WriteWithImmediate || data.AsSpan().SequenceEqual(message.Source.Expected(message.SourceOffset, message.Bytes))),
            isShuffled);
    }

    private void CheckMessage(in WorkCompletion completion, ExpectedMessage message, Span<byte> buffer)
    {
        uint sender = IsOwnCopy(completion) ? _pair.Number : Peer._pair.Number;
        bool isWrite = message.Opcode == SendOpcode.WriteWithImmediate;
        bool hasImmediate = message.Opcode is SendOpcode.SendWithImmediate or SendOpcode.WriteWithImmediate;
        bool hasNumber = hasImmediate || message.Opcode == SendOpcode.SendWithInvalidate;
        WorkCompletion seen = completion;
        SimulationFailure.Unless(
            message.Doom == CompletionStatus.Success, () => $"{Name}: receive #{seen.WorkRequestId:x} was filled by a message that had to be refused");
        SimulationFailure.Unless(
            completion.Opcode == (isWrite ? WorkCompletionOpcode.ReceiveWriteWithImmediate : WorkCompletionOpcode.Receive)
            && completion.ByteLength == message.Bytes + HeaderBytes
            && (!IsDatagram || (completion.SourceQueuePair == sender && (completion.Flags & CompletionFlags.GlobalRouteHeader) != 0))
            && ((completion.Flags & CompletionFlags.WithInvalidate) != 0) == (message.Opcode == SendOpcode.SendWithInvalidate)
            && ((completion.Flags & CompletionFlags.WithImmediate) != 0) == hasImmediate
            && (!hasNumber || completion.ImmediateData == message.Immediate),
            () => $"{Name}: receive #{seen.WorkRequestId:x} says {seen.Opcode}, {seen.ByteLength} bytes, immediate {seen.ImmediateData:x}; "
                + $"sent was {message.Opcode}, {message.Bytes} bytes, immediate {message.Immediate:x}");
        int filled = isWrite ? 0 : HeaderBytes + message.Bytes;
        SimulationFailure.Unless(
            isWrite || buffer[HeaderBytes..filled].SequenceEqual(message.Source.Expected(message.SourceOffset, message.Bytes)),
            () => $"{Name}: receive #{seen.WorkRequestId:x} of {filled} bytes does not hold what was sent");

        // A message that was broken off over an unreliable connection leaves its beginning behind.
        int untouched = IsReliable ? filled : buffer.Length - SlotGuardBytes;
        SimulationFailure.Unless(
            !buffer[untouched..].ContainsAnyExcept(Pattern.Blank), () => $"{Name}: receive #{seen.WorkRequestId:x} was written beyond its message");
        buffer[..(IsReliable ? filled : untouched)].Fill(Pattern.Blank);
        if (_connection.Plan.UsesGroup)
            _connection.Tally.CountGroup(IsOwnCopy(completion));
        if (message.Opcode == SendOpcode.SendWithInvalidate)
            WindowClosed(message.Immediate);
        if (isWrite && !IsReliable)
            CheckUnreliableWrite(message);
        _lastProgressNs = _world.NowNs;
        _world.Touch();
    }

    /// <summary>A WRITE with immediate that came over an unreliable connection came whole, unless something later went to the same place.</summary>
    private void CheckUnreliableWrite(ExpectedMessage message)
    {
        if (_world.Plan.Faults.Phases.Any(phase => phase.Shuffles))
            return;
        foreach (PostedSend write in _peerWrites)
        {
            if (write.Id > message.Id && write.TargetOffset < message.TargetOffset + message.Bytes && message.TargetOffset < write.TargetOffset + write.Bytes)
                return;
        }
        SimulationFailure.Unless(
            Memory.TargetBytes(message.TargetOffset, message.Bytes).SequenceEqual(message.Source.Expected(message.SourceOffset, message.Bytes)),
            () => $"{Name}: WRITE with immediate #{message.Id} was announced, and its bytes are not there");
    }

    private void FailReceive(CompletionStatus status, Span<byte> buffer)
    {
        if (status == CompletionStatus.FlushError)
        {
            _receiveFlushed = true;
            BeginFailing();
            return;
        }
        ExpectedMessage? message = _receives.PeekExpected();
        bool isTooLong = status == CompletionStatus.LocalLengthError && message?.Doom == CompletionStatus.RemoteInvalidRequestError;
        bool closesNothing = status == CompletionStatus.RemoteInvalidRequestError && message?.Opcode == SendOpcode.SendWithInvalidate && _isWindowRevoked;
        bool isForbidden = status == CompletionStatus.LocalAccessError && message?.Opcode == SendOpcode.WriteWithImmediate && RevokedNs != long.MaxValue;
        SimulationFailure.Unless(
            isTooLong || closesNothing || isForbidden,
            () => $"{Name}: a receive ended with {status} without a cause");
        _receives.TakeExpected();
        SimulationFailure.Unless(
            !buffer[^SlotGuardBytes..].ContainsAnyExcept(Pattern.Blank),
            () => $"{Name}: a message that was too long was written beyond its receive");
        BeginFailing();
    }
}
