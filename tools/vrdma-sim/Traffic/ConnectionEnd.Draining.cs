using RoceEngine.Simulation.Checking;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <content>The send queue drained in the middle of traffic, and going on: what was begun ends, then nothing ends until it goes on.</content>
internal sealed partial class ConnectionEnd
{
    private bool _isDraining;
    private bool _isDrained;

    /// <summary>Begins to drain the send queue; it goes on some time after the event that it is drained.</summary>
    public void Drain()
    {
        if (State != EndState.Up || _isDraining)
            return;
        _isDraining = true;
        _isDrained = false;
        TryModify(() => _pair.ToSendQueueDrained());
        _world.Touch();
    }

    private void OnDrained()
    {
        SimulationFailure.Unless(_isDraining && !_isDrained, () => $"{Name}: drained, and nobody asked for it, or a second time");
        _isDrained = true;
        _connection.Tally.Drained++;
        int incarnation = _connection.Incarnation;
        _world.After(_dice.Between(0, 200_000), () => GoOn(incarnation));
    }

    private void GoOn(int incarnation)
    {
        if (incarnation != _connection.Incarnation || State != EndState.Up)
            return;
        _isDraining = false;
        _isDrained = false;
        _lastProgressNs = _world.NowNs;
        TryModify(_pair.ToReadyToSendAgain);
        _world.Touch();
    }

    /// <summary>No send may succeed in a queue that says it is drained.</summary>
    private void CheckNotDrained(PostedSend send) => SimulationFailure.Unless(
        !_isDrained, () => $"{Name}: {send.Opcode} #{send.Id} succeeded while the send queue was drained");

    /// <summary>The queue pair may have failed without its application having seen it yet: then it refuses, and is in error.</summary>
    private void TryModify(Action modify)
    {
        try
        {
            modify();
        }
        catch (VerbsException refused) when (refused.Errno == Errno.Invalid)
        {
            QueuePairState state = _pair.Query().State;
            SimulationFailure.Unless(state == QueuePairState.Error, () => $"{Name}: refused in {state}: {refused.Message}");
        }
    }
}
