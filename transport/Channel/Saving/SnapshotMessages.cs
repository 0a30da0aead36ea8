namespace RoceEngine.Channel;

/// <summary>A request to save a device.</summary>
public sealed record SnapshotRequest
{
    /// <summary>The device, by name or address.</summary>
    public required string Device { get; init; }

    /// <summary>
    /// True to end the device with it: what is restored later goes on where it stopped. It stands still from here on, ends when the client says that what
    /// was saved is kept, and goes on when the client leaves without a word. Otherwise the device goes on at once.
    /// </summary>
    public bool Stops { get; init; }
}

/// <summary>A saved device. Three memfds come along: guest RAM, the control region, the device's state.</summary>
public sealed record SnapshotReply
{
    public required Guid Identity { get; init; }

    public required Guid SnapshotId { get; init; }

    /// <summary>Lives of the device before this snapshot.</summary>
    public required ulong Epoch { get; init; }

    public required long GuestRamBytes { get; init; }

    public required long ControlBytes { get; init; }

    public required long DeviceStateBytes { get; init; }

    /// <summary>How long the device stood still, in ms.</summary>
    public required double FrozenMs { get; init; }

    /// <summary>The device as it was saved.</summary>
    public required DeviceReport Report { get; init; }
}

/// <summary>A request to bring a saved device back. The three memfds of <see cref="SnapshotReply"/> come along.</summary>
public sealed record RestoreRequest
{
    public required string Device { get; init; }

    public required string Address { get; init; }

    public required Guid Identity { get; init; }

    public required Guid SnapshotId { get; init; }

    public required ulong Epoch { get; init; }

    /// <summary>False when the device went on after it was saved: then what comes back cannot.</summary>
    public required bool WasStopped { get; init; }

    /// <summary>A device here, by name or address, that goes back to the snapshot, which is of the same address: it ends once the other is there. Null for none.</summary>
    public string? Replaces { get; init; }

    public required long GuestRamBytes { get; init; }

    public required long ControlBytes { get; init; }

    public required long DeviceStateBytes { get; init; }
}

/// <summary>A device that is back.</summary>
public sealed record RestoreReply
{
    /// <summary>Its name here.</summary>
    public required string Name { get; init; }

    public required string Address { get; init; }

    public required int QueuePairs { get; init; }

    /// <summary>Why its queue pairs are in error; null when they go on where they were.</summary>
    public string? WhyBroken { get; init; }
}
