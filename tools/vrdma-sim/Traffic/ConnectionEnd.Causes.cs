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
            CompletionStatus.FlushError => WasMovedToError || ResponderMayFail,
            CompletionStatus.RetryExceededError => IsSilenceExplained(),
            CompletionStatus.RnrRetryExceededError => _connection.Plan.RnrRetry != 7 && Operations.TakesReceive(send.Opcode),
            CompletionStatus.RemoteAccessError => Peer.HasRevoked(send),

            // The window was taken away between the post of its bind and the bind's turn.
            CompletionStatus.MemoryWindowBindError => Operations.IsLocal(send.Operation) && _isWindowRevoked && send.PostedNs <= RevokedNs,
            _ => false,
        };
        SimulationFailure.Unless(isExplained, () => $"{Name}: {send.Opcode} #{send.Id} ended with {status}, and nothing in this world explains it");
    }

    /// <summary>Could the peer have been silent for as long as all retries take?</summary>
    private bool IsSilenceExplained()
    {
        if (Peer.State != EndState.Up || Peer.WasMovedToError || Peer.ResponderMayFail)
            return true;
        int host = Guest.Host.Index;
        int other = Peer.Guest.Host.Index;
        FaultPlan faults = _world.Plan.Faults;
        bool isFragile = host != other && _connection.Plan.RetryCount < 7 && faults.Phases.Any(phase => phase.Options.ReorderRate + phase.DropRate > 0);
        return isFragile || faults.ExplainSilence(host, other, _lastProgressNs - 1_000_000, _world.NowNs);
    }

    /// <summary>Receives were flushed: something must have put the queue pair into the error state.</summary>
    private void CheckFlushHadCause() => SimulationFailure.Unless(
        !_receiveFlushed || _sendFailed || WasMovedToError || ResponderMayFail, () => $"{Name}: receives were flushed, and nothing failed before");
}
