using RoceEngine.Device;
using RoceEngine.Protocol;
using RoceEngine.Simulation.Checking;

namespace RoceEngine.Simulation.Traffic;

/// <content>What a move or a snapshot of the device finds this end in, and what it leaves behind.</content>
internal sealed partial class ConnectionEnd
{
    private bool _wentRemote;
    private bool _mustSayBroken;

    /// <summary>Something of this end is under way.</summary>
    public bool IsWorking => State == EndState.Up && (_sends.Count > 0 || _receives.ExpectedCount > 0);

    /// <summary>The device was restored as one that lives already.</summary>
    /// <param name="mustSay">False for a queue pair that was in error before.</param>
    public void OnBroken(bool mustSay)
    {
        WasBroken = true;
        _mustSayBroken |= mustSay;
    }

    /// <summary>Counts what this end is in the middle of.</summary>
    public void CountSituations(QueuePairSnapshot device)
    {
        Count(MoveSituation.RequestsUnderWay, _sends.Count > 0);
        Count(MoveSituation.AwaitsResponses, (device.Activity & QueuePairActivity.AwaitsResponses) != 0);
        Count(MoveSituation.OwesResponses, (device.Activity & QueuePairActivity.OwesResponses) != 0);
        Count(MoveSituation.HalfReceived, (device.Activity & QueuePairActivity.ReceivesMessage) != 0);
        Count(MoveSituation.AwaitsReceiver, (device.Activity & QueuePairActivity.AwaitsReceiver) != 0);
        Count(MoveSituation.PausedByPeer, (device.Activity & QueuePairActivity.IsPaused) != 0);
        Count(MoveSituation.PeerStandsStill, Peer.Guest != Guest && Peer.Guest.IsFrozen);
        Count(MoveSituation.PeerIsStock, Peer.Guest.IsStock);
        Count(MoveSituation.Draining, _isDraining);
        Count(MoveSituation.InError, device.Attributes.State == QueuePairState.Error);
        Count(MoveSituation.SharedReceives, _plan.UsesSharedReceives);
        Count(MoveSituation.ResizedQueues, Guest.HasResized);
        Count(MoveSituation.UnreliableConnection, _connection.Plan.Service == Verbs.QueuePairType.Uc);
        Count(MoveSituation.Datagrams, IsDatagram);
    }

    /// <summary>This end's device, or the peer's, goes on at a host, perhaps another one than before.</summary>
    public void OnDeviceMoved(bool wasLocal)
    {
        if (State != EndState.Up || Peer.State != EndState.Up || Peer.Guest == Guest)
            return;
        bool isLocal = Guest.Host == Peer.Guest.Host;
        Count(MoveSituation.BecameRemote, wasLocal && !isLocal);
        Count(MoveSituation.BecameLocal, !wasLocal && isLocal);
        Count(MoveSituation.LocalAgain, _wentRemote && isLocal);
        _wentRemote = (_wentRemote || wasLocal) && !isLocal;
        Peer._wentRemote = _wentRemote;
    }

    private void CheckSaidBroken() => SimulationFailure.Unless(
        !WasBroken || _saidBroken || !_mustSayBroken, () => $"{Name}: the queue pair was restored in error, and no event said so");

    private void Count(MoveSituation situation, bool isIn) => _connection.Tally.BySituation[(int)situation] += isIn ? 1 : 0;
}
