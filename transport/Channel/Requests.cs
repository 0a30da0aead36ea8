namespace RoceEngine.Channel;

/// <summary>A message to the daemon. <see cref="Type"/> says which of the others are looked at.</summary>
public sealed record DaemonRequest
{
    /// <summary>What is asked for: one of the names in <see cref="ChannelProtocol"/>.</summary>
    public string? Type { get; init; }

    /// <summary>The client's <see cref="ChannelProtocol.Version"/>.</summary>
    public int Version { get; init; }

    public AttachRequest? Attach { get; init; }

    /// <summary>A device's name or address; for statistics null for all devices.</summary>
    public string? Device { get; init; }

    public CaptureRequest? Capture { get; init; }

    public ClaimRequest? Claim { get; init; }

    public MigrateRequest? Migrate { get; init; }

    public SnapshotRequest? Snapshot { get; init; }

    public RestoreRequest? Restore { get; init; }
}

/// <summary>What a guest asks for when it attaches.</summary>
public sealed record AttachRequest
{
    /// <summary>The IP address that the device shall have; null for the first free one.</summary>
    public string? Address { get; init; }

    /// <summary>Guest RAM in bytes, rounded up to whole pages.</summary>
    /// <remarks>A setter, so that generated JSON code leaves the default in place when a request does not say.</remarks>
    public long MemoryBytes { get; set; } = ChannelProtocol.GuestRamBytesDefault;

    /// <summary>The device's name, unique in the daemon; null lets the daemon choose.</summary>
    public string? Name { get; init; }

    /// <summary>The layout of shared memory that the guest was built for. A request that does not say is taken for version 0, which no daemon has.</summary>
    public int AbiVersion { get; init; } = ChannelProtocol.AbiVersion;
}

/// <summary>What to capture.</summary>
public sealed record CaptureRequest
{
    /// <summary>A device's name or address; null for all devices, those attached later included.</summary>
    public string? Device { get; init; }
}
