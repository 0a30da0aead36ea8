using RoceEngine.Simulation.Drawing;
using RoceEngine.Simulation.World;

namespace RoceEngine.Simulation.Traffic;

/// <summary>Moves and saves devices at their times. None of it may show in anything but time, except where a device comes to life a second time.</summary>
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
        switch (move.Kind)
        {
            case MoveKind.Snapshot:
                Count(guest, move);
                guest.SaveAndCompare();
                break;
            case MoveKind.SecondLife:
                Count(guest, move);
                guest.SaveAndLiveTwice();
                break;
            default:
                if (move.QuiesceNs == 0)
                {
                    Freeze(guest, move);
                    break;
                }
                guest.Quiesce();
                world.After(move.QuiesceNs, () => Freeze(guest, move));
                break;
        }
    }

    private void Freeze(SimulatedGuest guest, Move move)
    {
        // It may have been killed meanwhile.
        if (!guest.IsServed)
            return;
        Count(guest, move);
        if (move.Kind == MoveKind.Dropped && move.BlackoutNs < move.QuiesceNs)
        {
            guest.StayAfterAll();
            return;
        }
        guest.Freeze(move.Kind, world.Hosts[move.ToHost]);
        int moves = guest.MoveCount;
        world.After(move.BlackoutNs, () =>
        {
            if (guest.IsFrozen && guest.MoveCount == moves)
                guest.GoOn();
        });
    }

    private void Count(SimulatedGuest guest, Move move)
    {
        tally.ByMove[(int)move.Kind]++;
        if (!guest.Ends.Any(end => end.IsWorking))
            return;
        tally.ByMoveUnderWay[(int)move.Kind]++;
        guest.CountSituations();
    }
}
