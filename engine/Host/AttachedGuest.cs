using RoceEngine.Host.Migration;
using RoceEngine.Wire;

namespace RoceEngine.Host;

/// <summary>The conductor's record of a device: whose it is and which worker serves it.</summary>
internal sealed class AttachedGuest
{
    public required string Name { get; init; }

    public required Gid Address { get; init; }

    /// <summary>Another one after the device stood still.</summary>
    public required DeviceSlot Slot { get; set; }

    public required Worker Worker { get; init; }

    public required int ProcessId { get; set; }

    public required uint UserId { get; set; }

    /// <summary>True for a device that was restored, until a process takes it.</summary>
    public bool AwaitsGuest { get; set; }

    /// <summary>Who is about to take it; null while nobody is.</summary>
    public ControlClient? Taker { get; set; }

    /// <summary>Stays with the device wherever it goes.</summary>
    public Guid Identity { get; init; } = Guid.NewGuid();

    /// <summary>Counts the lives of the device: each snapshot, restoration and migration begins another.</summary>
    public ulong Epoch { get; set; } = 1;

    public long AttachedAtMs { get; } = Environment.TickCount64;

    /// <summary>Its connection; null while no guest holds the device.</summary>
    public ControlClient? Client { get; set; }

    /// <summary>What goes on while the device is copied or moves; null while it does not.</summary>
    public GuestConversation? Move { get; set; }

    /// <summary>True while it is being saved.</summary>
    public bool IsBeingSaved { get; set; }

    /// <summary>True once the worker was asked to let it go.</summary>
    public bool IsDetaching { get; set; }
}
