using System.Net;

namespace RoceEngine.SideBySide;

/// <summary>The addresses that the measurements use.</summary>
internal static class LoopbackPlan
{
    public const uint RawNear = 0x7F0F_0001;
    public const uint RawFar = 0x7F0F_0002;

    public static readonly IPAddress EngineNear = new([127, 15, 0, 3]);
    public static readonly IPAddress EngineFar = new([127, 15, 0, 4]);
}
