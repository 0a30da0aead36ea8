using System.Text.Json;
using System.Text.Json.Serialization;

namespace RoceEngine.Host.Migration;

/// <summary>What two daemons say to each other when a device moves from one to the other, in this order.</summary>
internal enum MigrationFrame : ushort
{
    /// <summary>To: <see cref="MigrationOffer"/>.</summary>
    Offer = 1,

    /// <summary>From: <see cref="MigrationAccepted"/>.</summary>
    Accepted = 2,

    /// <summary>From: a sentence. At any time before <see cref="Running"/>.</summary>
    Refused = 3,

    /// <summary>From: the guest has shown itself there.</summary>
    Claimed = 4,

    /// <summary>To: number of the first page (8 bytes), then whole pages of guest RAM.</summary>
    Pages = 5,

    /// <summary>To: all pages of a round were sent.</summary>
    RoundEnd = 6,

    /// <summary>From: and are in place.</summary>
    RoundTaken = 7,

    /// <summary>To: a part of the device's state.</summary>
    State = 8,

    /// <summary>To: that was all of it; its length (8 bytes).</summary>
    StateEnd = 9,

    /// <summary>From: the device was taken, and runs.</summary>
    Running = 11,

    /// <summary>From: the guest has stopped touching its memory, which was copied.</summary>
    GuestFrozen = 12,
}

/// <summary>The device that is to come.</summary>
internal sealed record MigrationOffer
{
    public required string Device { get; init; }

    public required string Address { get; init; }

    public required Guid Identity { get; init; }

    public required ulong Epoch { get; init; }

    public required long GuestRamBytes { get; init; }

    public required long ControlBytes { get; init; }

    /// <summary>Number of the attempt, see <see cref="Abi.MoveDecision"/>.</summary>
    public required ulong Attempt { get; init; }

    /// <summary>False when the guest brings its memory along.</summary>
    public required bool CopiesMemory { get; init; }

    /// <summary>Once everything stands still, silence for so long, in ms, ends it.</summary>
    public int PatienceMs { get; init; } = Channel.MigrateRequest.PatienceMsDefault;

    /// <summary>Version of the layout of device states.</summary>
    public required int StateVersion { get; init; }
}

/// <summary>It may come.</summary>
internal sealed record MigrationAccepted
{
    /// <summary>Its name there.</summary>
    public required string Name { get; init; }

    /// <summary>Where its guest finds the daemon.</summary>
    public required string SocketPath { get; init; }

    /// <summary>What the guest shows.</summary>
    public required string Token { get; init; }

    /// <summary>That host will put the address on an interface: no other may have it by then.</summary>
    public bool AddsAddress { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(MigrationOffer))]
[JsonSerializable(typeof(MigrationAccepted))]
internal sealed partial class MigrationJson : JsonSerializerContext;
