using System.Buffers.Binary;
using RoceEngine.Simulation.Checking;
using RoceEngine.Simulation.World;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <content>Completions of sends: once, in order, with the right status, and with the right bytes where something was fetched.</content>
internal sealed partial class ConnectionEnd
{
    private const int SendsPerComparison = 16;

    private int _sendsCompared;

    /// <summary>A completion of this end's queue pair.</summary>
    public void OnCompletion(in WorkCompletion completion)
    {
        bool isReceive = (completion.WorkRequestId & ReceiveBit) != 0;
        _world.Log.Add(
            _world.NowNs,
            isReceive ? EventKind.ReceiveCompleted : EventKind.SendCompleted,
            Name,
            completion.WorkRequestId & ~ReceiveBit,
            (ulong)completion.Status,
            completion.Status == CompletionStatus.Success ? completion.ByteLength : 0);
        SimulationFailure.Unless(State != EndState.Closed, () => $"{Name}: a completion after the queue pair was destroyed");
        _connection.Tally.Count(isReceive, completion.Status);
        if (isReceive)
            OnReceiveCompletion(completion);
        else
            OnSendCompletion(completion);
    }

    private void OnSendCompletion(in WorkCompletion completion)
    {
        PostedSend send = _sends.Complete(completion, SucceedSilently);
        if (completion.Status != CompletionStatus.Success)
        {
            if (State == EndState.Up || completion.Status != CompletionStatus.FlushError)
                Judge(completion.Status, send);
            AddUncertain(send);
            BeginFailing();
            return;
        }
        uint bytes = send.LandsHere ? (uint)send.Bytes : completion.ByteLength;
        WorkCompletion seen = completion;
        SimulationFailure.Unless(
            completion.Opcode == Operations.CompletionOf(send.Opcode) && completion.ByteLength == bytes,
            () => $"{Name}: {send.Opcode} #{send.Id} of {send.Bytes} bytes completed as {seen.Opcode} of {seen.ByteLength}");
        CheckNotDrained(send);
        _lastProgressNs = _world.NowNs;
        Succeed(send);
        Resume();
        if (_sends.Count == 0 && ++_sendsCompared % SendsPerComparison == 0 && Peer.State != EndState.Closed)
            Peer.VerifyMemory();
    }

    /// <summary>Known now, and done at some time before: that is no progress.</summary>
    private void SucceedSilently(PostedSend send) => Succeed(send);

    private void Succeed(PostedSend send)
    {
        _connection.Tally.Succeeded(send.Operation);
        SimulationFailure.Unless(
            send.Doom == CompletionStatus.Success, () => $"{Name}: {send.Opcode} #{send.Id} succeeded, and should have failed with {send.Doom}");
        if (Operations.IsLocal(send.Operation))
            OnLocalDone(send);
        Peer.CloseWhenUnused();
        SimulationFailure.Unless(
            !IsReliable || !Peer.HasRevoked(send) || send.PostedNs <= Peer.RevokedNs || send.Bytes == 0,
            () => $"{Name}: {send.Opcode} #{send.Id} succeeded in memory whose registration had been taken away");
        if (send.Message is { } message && IsReliable)
            message.IsAcknowledged = true;
        if (send.OwnsLanding)
            CheckLanding(send);
    }

    private void CheckLanding(PostedSend send)
    {
        Span<byte> landed = Memory.LandingBytes(send.LandingOffset, Math.Min(send.Bytes + 8, _plan.LandingBytes - send.LandingOffset));
        Span<byte> data = landed[..send.Bytes];
        if (send.Operation == Operation.ReadSource)
            CheckRead(send, data.SequenceEqual(send.Source!.Expected(send.SourceOffset, send.Bytes)));
        else if (send.Operation == Operation.ReadTarget)
            CheckRead(send, data.SequenceEqual(send.Expected) || IsOverwritten(send));
        else
            CheckAtomic(send, BinaryPrimitives.ReadUInt64LittleEndian(data));
        SimulationFailure.Unless(
            !landed[send.Bytes..].ContainsAnyExcept(Pattern.Blank), () => $"{Name}: {send.Opcode} #{send.Id} wrote beyond its buffer");
        data.Fill(Pattern.Blank);
        _landing.ReleaseOldest();
    }

    private void CheckRead(PostedSend send, bool isRight) => SimulationFailure.Unless(
        isRight, () => $"{Name}: READ #{send.Id} of {send.Bytes} bytes brought other bytes than the peer has had there since all before it");

    /// <summary>A later WRITE to the same place may have been there before a READ that was asked again.</summary>
    private bool IsOverwritten(PostedSend read)
    {
        foreach (PostedSend later in _sends.Outstanding)
        {
            if (later.WritesTarget && later.TargetOffset < read.TargetOffset + read.Bytes && read.TargetOffset < later.TargetOffset + later.Bytes)
                return true;
        }
        return !Peer.Memory.Model.IsKnown(read.TargetOffset, read.Bytes);
    }

    private void CheckAtomic(PostedSend send, ulong original)
    {
        if (send.Counters is { } counters)
        {
            counters.Added(send.Counter, original, send.Addend);
            return;
        }
        SimulationFailure.Unless(
            original == send.ExpectedWord,
            () => $"{Name}: {send.Opcode} #{send.Id} brought {original:x}, a sequential model says {send.ExpectedWord:x}");
    }
}
