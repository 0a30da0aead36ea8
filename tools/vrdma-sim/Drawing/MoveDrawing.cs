namespace RoceEngine.Simulation.Drawing;

/// <summary>Draws which devices are moved or saved, and when: none in some worlds, many in others.</summary>
internal static class MoveDrawing
{
    public static List<Move> Draw(Dice dice, IReadOnlyList<int> hostOfGuest, int hosts, long horizonNs)
    {
        var moves = new List<Move>();
        long spanNs = horizonNs / dice.Pick(2, 8, 32);
        for (int i = dice.Pick(0, 0, 2, 4, 6, 8, 12); i > 0; i--)
        {
            Move move = DrawOne(dice, dice.Between(0, hostOfGuest.Count - 1), hosts, dice.Between(0, spanNs));
            moves.Add(move);

            // A peer that moves at the same time, or about so.
            if (dice.Chance(0.2))
                moves.Add(DrawOne(dice, dice.Between(0, hostOfGuest.Count - 1), hosts, move.AtNs + dice.Between(0, move.QuiesceNs + move.BlackoutNs)));

            // Back home, where neighbours of old are neighbours again.
            if (dice.Chance(0.2))
                moves.Add(move with { ToHost = hostOfGuest[move.Guest], AtNs = move.AtNs + move.QuiesceNs + move.BlackoutNs + dice.Between(1, 200_000) });
        }
        return moves;
    }

    /// <summary>Guests whose devices do not know what a pause notice is: none in most worlds.</summary>
    public static bool[] DrawStock(Dice dice, int guests)
    {
        double rate = dice.Pick(0, 0, 0, 0.5);
        return [.. Enumerable.Range(0, guests).Select(_ => dice.Chance(rate))];
    }

    private static Move DrawOne(Dice dice, int guest, int hosts, long atNs) => new(
        (MoveKind)dice.Weighted([4, 5, 1, 3, 2, 2, 1]),
        guest,
        dice.Between(0, hosts - 1),
        atNs,
        dice.Pick<long>(0, 5_000, 50_000, 500_000),
        dice.Pick<long>(1_000, 50_000, 300_000, 2_000_000));
}
