using RoceEngine.Simulation.Checking;
using RoceEngine.Simulation.Drawing;
using RoceEngine.Simulation.World;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <content>No error without a cause that the specification names and that this world contains.</content>
internal sealed partial class ConnectionEnd
{
    private bool _sendFailed;
    private bool _receiveFlushed;
    private bool _lastReceiveTaken;

    /// <summary>The application moved the queue pair to the error state.</summary>
    public bool WasMovedToError { get; private set; }

    /// <summary>The device was restored as one that lives elsewhere: the queue pair is in error, and says so.</summary>
    public bool WasBroken { get; private set; }

    private bool _saidBroken;

    /// <summary>The peer posted something that puts this end's queue pair into the error state when it comes.</summary>
    public bool ResponderMayFail { get; set; }

    /// <summary>When the registration of the target was taken away, ns; <see cref="long.MaxValue"/> while it is there.</summary>
    public long RevokedNs { get; private set; } = long.MaxValue;

    /// <summary>The peer may use the target no more from now on.</summary>
    public void RevokeTarget()
    {
        if (_plan.UsesWindow)
            RevokeWindow();
        else
            Memory.Revoke();
        RevokedNs = _world.NowNs;
        ResponderMayFail = true;
    }

    /// <summary>An asynchronous event of this end's queue pair.</summary>
    public void OnEvent(AsyncEventType type)
    {
        if (type == AsyncEventType.CommunicationEstablished)
            return;
        if (type == AsyncEventType.SendQueueDrained)
        {
            OnDrained();
            return;
        }
        if (type == AsyncEventType.LastWorkRequestReached)
        {
            SimulationFailure.Unless(_plan.UsesSharedReceives && !_lastReceiveTaken, () => $"{Name}: {type} twice, or without a shared receive queue");
            _lastReceiveTaken = true;
            BeginFailing();
            return;
        }
        if (type == AsyncEventType.QueuePairFatal)
        {
            SimulationFailure.Unless(WasBroken && !_saidBroken, () => $"{Name}: {type} twice, or without a cause");
            _saidBroken = true;
            BeginFailing();
            return;
        }
        SimulationFailure.Unless(
            type is AsyncEventType.QueuePairRequestError or AsyncEventType.QueuePairAccessError && ResponderMayFail,
            () => $"{Name}: {type} without a cause");
        BeginFailing();
    }

    private void ResetCauses()
    {
        _sendFailed = false;
        _receiveFlushed = false;
        _lastReceiveTaken = false;
        _isDraining = false;
        _isDrained = false;
        OpenWindowKey = 0;
        _isWindowRevoked = false;
        WasMovedToError = false;
        WasBroken = false;
        _saidBroken = false;
        _mustSayBroken = false;
        _wentRemote = false;
        ResponderMayFail = false;
        RevokedNs = long.MaxValue;
    }

    private void BeginFailing()
    {
        if (State != EndState.Up)
            return;
        State = EndState.Failing;
        _connection.OnFailed();
    }

    private void Judge(CompletionStatus status, PostedSend send)
    {
        _sendFailed |= status != CompletionStatus.FlushError;
        bool isExplained = send.Doom == status || status switch
        {
            CompletionStatus.FlushError => WasMovedToError || WasBroken || ResponderMayFail,
            CompletionStatus.RetryExceededError => IsSilenceExplained(),
            CompletionStatus.RnrRetryExceededError => _connection.Plan.RnrRetry != 7 && Operations.TakesReceive(send.Opcode),
            CompletionStatus.RemoteAccessError => Peer.HasRevoked(send),

            // The window was taken away between the post of its bind and the bind's turn.
            CompletionStatus.MemoryWindowBindError => Operations.IsLocal(send.Operation) && _isWindowRevoked && send.PostedNs <= RevokedNs,
            _ => false,
        };
        SimulationFailure.Unless(isExplained, () => $"{Name}: {send.Opcode} #{send.Id} ended with {status}, and nothing in this world explains it");
    }

    /// <summary>
    /// One of the two devices stands still for a time in this world, and its neighbours reach it by the network then: what went there may come after what
    /// went by memory later, and what goes to a group may come both ways, of which the second is on its way before the device stands still.
    /// </summary>
    private bool HaveMoved => _world.Plan.Moves.Any(
        move => move.Kind.StandsStill() && (move.Guest == Guest.Index || move.Guest == Peer.Guest.Index));

    /// <summary>The network is between the two ends, or was.</summary>
    private bool AreApart => HaveMoved || Guest.Host != Peer.Guest.Host;

    /// <summary>Could the peer have been silent for as long as all retries take?</summary>
    private bool IsSilenceExplained()
    {
        if (Peer.State != EndState.Up || Peer.WasMovedToError || Peer.WasBroken || Peer.ResponderMayFail)
            return true;
        FaultPlan faults = _world.Plan.Faults;
        bool isLossy = AreApart && faults.Phases.Any(phase => phase.Options.ReorderRate + phase.DropRate > 0);
        return (isLossy && _connection.Plan.RetryCount < 7) || IsMoveExplained(isLossy)
            || faults.ExplainSilence(_world.Plan.HostOfGuest[Guest.Index], _world.Plan.HostOfGuest[Peer.Guest.Index], AreApart, _lastProgressNs - 1_000_000, _world.NowNs)
            || faults.Stalls.Any(stall => IsNear(stall.FromNs, stall.UntilNs) && (Guest.VisitedHosts.Contains(stall.Host) || Peer.Guest.VisitedHosts.Contains(stall.Host)));
    }

    /// <summary>
    /// Few retries do not bridge the time in which the peer's device stands still without a word, or with one that got lost, was forgotten on a move of
    /// this end's own, or is not understood.
    /// </summary>
    private bool IsMoveExplained(bool isLossy)
    {
        ConnectionPlan plan = _connection.Plan;
        long stillNs = 0;
        foreach (Move move in _world.Plan.Moves)
        {
            bool isUntold = move.QuiesceNs == 0 || isLossy || Guest.IsStock || Guest.MoveCount > 0;
            if (move.Guest == Peer.Guest.Index && move.Kind.StandsStill() && isUntold && IsNear(move.AtNs, move.AtNs + move.QuiesceNs + move.BlackoutNs))
                stillNs += move.QuiesceNs + move.BlackoutNs;
        }
        return stillNs > 0 && (plan.RetryCount < 2 || (plan.RetryCount + 1) * (4096L << plan.Timeout) <= stillNs);
    }

    // Plans count from when the world began to work, some moments after its time 0.
    private bool IsNear(long fromNs, long untilNs) => fromNs <= _world.NowNs && untilNs >= _lastProgressNs - 10_000_000;

    /// <summary>Receives were flushed: something must have put the queue pair into the error state.</summary>
    private void CheckFlushHadCause() => SimulationFailure.Unless(
        !_receiveFlushed || _sendFailed || WasMovedToError || WasBroken || ResponderMayFail, () => $"{Name}: receives were flushed, and nothing failed before");
}
