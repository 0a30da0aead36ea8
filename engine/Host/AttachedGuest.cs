using RoceEngine.Wire;

namespace RoceEngine.Host;

/// <summary>The conductor's record of a device: whose it is and which worker serves it.</summary>
internal sealed class AttachedGuest
{
    public required string Name { get; init; }

    public required Gid Address { get; init; }

    public required DeviceSlot Slot { get; init; }

    public required Worker Worker { get; init; }

    public required int ProcessId { get; init; }

    public required uint UserId { get; init; }

    public long AttachedAtMs { get; } = Environment.TickCount64;

    /// <summary>True once the worker was asked to let it go.</summary>
    public bool IsDetaching { get; set; }
}
