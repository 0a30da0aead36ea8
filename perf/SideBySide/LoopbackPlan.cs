using System.Net;

namespace RoceEngine.SideBySide;

/// <summary>The addresses that the measurements use.</summary>
internal static class LoopbackPlan
{
    public const uint RawNear = 0x7F0F_0001;
    public const uint RawFar = 0x7F0F_0002;

    /// <summary>The near guest of the pair of that number, 0 … 100.</summary>
    public static IPAddress EngineNear(int number) => new([127, 15, 0, (byte)(3 + (2 * number))]);

    /// <summary>The far guest of the pair of that number.</summary>
    public static IPAddress EngineFar(int number) => new([127, 15, 0, (byte)(4 + (2 * number))]);

    /// <summary>The guests of two daemons.</summary>
    public static IPAddress DaemonNear { get; } = new([127, 15, 1, 1]);

    public static IPAddress DaemonFar { get; } = new([127, 15, 1, 2]);

    /// <summary>The guests of one daemon.</summary>
    public static IPAddress LocalDaemonNear { get; } = new([127, 15, 2, 1]);

    public static IPAddress LocalDaemonFar { get; } = new([127, 15, 2, 2]);
}
