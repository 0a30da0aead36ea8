using RoceEngine.Simulation.Drawing;
using RoceEngine.Simulation.World;

namespace RoceEngine.Simulation.Traffic;

/// <summary>Moves and saves devices at their times. None of it may show in anything but time.</summary>
internal sealed class Mover(SimulatedWorld world, Tally tally)
{
    /// <summary>Plans all of them, from now on.</summary>
    public void Plan()
    {
        foreach (Move move in world.Plan.Moves)
            world.After(move.AtNs, () => Begin(move));
    }

    private void Begin(Move move)
    {
        SimulatedGuest guest = world.Guests[move.Guest];
        if (!guest.IsServed)
            return;
        tally.ByMove[(int)move.Kind]++;
        if (move.Kind == MoveKind.Snapshot)
        {
            guest.SaveAndCompare();
            return;
        }
        if (move.QuiesceNs == 0)
        {
            Freeze(guest, move);
            return;
        }
        guest.Quiesce();
        world.After(move.QuiesceNs, () => Freeze(guest, move));
    }

    private void Freeze(SimulatedGuest guest, Move move)
    {
        // It may have been killed meanwhile.
        if (!guest.IsServed)
            return;
        guest.Freeze(move.Kind == MoveKind.Copied, world.Hosts[move.ToHost]);
        int moves = guest.MoveCount;
        world.After(move.BlackoutNs, () =>
        {
            if (guest.IsFrozen && guest.MoveCount == moves)
                guest.GoOn();
        });
    }
}
