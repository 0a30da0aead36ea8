using RoceEngine.SideBySide.Limits;
using RoceEngine.Wire;

namespace RoceEngine.SideBySide.Engine;

/// <summary>The engine's ICRC over a payload.</summary>
internal readonly struct IcrcPass : IPiecePass
{
    public static uint Pass(ReadOnlySpan<byte> piece) => Icrc.Finish(Icrc.Update(0, piece));
}
