using RoceEngine.Device;
using RoceEngine.Simulation.Drawing;

namespace RoceEngine.Simulation.World;

/// <summary>QPNs and keys of a simulated device. Nobody guesses them here, but all runs of a seed must agree.</summary>
internal sealed class SeededSource(Dice dice) : IRandomSource
{
    public void Fill(Span<byte> bytes)
    {
        foreach (ref byte each in bytes)
            each = (byte)dice.Next64();
    }
}
