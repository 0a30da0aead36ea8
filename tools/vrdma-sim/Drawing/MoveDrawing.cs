namespace RoceEngine.Simulation.Drawing;

/// <summary>Draws which devices are moved or saved, and when: none in most worlds, many in some.</summary>
internal static class MoveDrawing
{
    public static List<Move> Draw(Dice dice, int hosts, int guests, long horizonNs)
    {
        var moves = new List<Move>();
        for (int i = dice.Pick(0, 0, 0, 1, 2, 4, 8); i > 0; i--)
        {
            moves.Add(new Move(
                dice.Pick(MoveKind.InPlace, MoveKind.Copied, MoveKind.Copied, MoveKind.Snapshot, MoveKind.Snapshot),
                dice.Between(0, guests - 1),
                dice.Between(0, hosts - 1),
                dice.Between(0, horizonNs / 2),
                dice.Pick<long>(0, 5_000, 50_000, 500_000),
                dice.Pick<long>(1_000, 50_000, 300_000, 2_000_000)));
        }
        return moves;
    }
}
