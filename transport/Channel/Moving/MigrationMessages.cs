namespace RoceEngine.Channel;

/// <summary>A request to move a device to another daemon.</summary>
public sealed record MigrateRequest
{
    /// <summary>The device, by name or address.</summary>
    public required string Device { get; init; }

    /// <summary>The other daemon: a host name or IP address.</summary>
    public required string Host { get; init; }

    /// <summary>The TCP port at which it listens for migrations.</summary>
    public required int Port { get; init; }

    /// <summary>Without TLS: for a lab. Both daemons must have been told that this may be.</summary>
    public bool IsInsecure { get; init; }

    /// <summary>How guest RAM gets there: <c>copy</c>, <c>share</c> (the guest takes it along), or <c>auto</c>.</summary>
    public string Memory { get; init; } = "auto";

    /// <summary>Rounds of copying at most while the guest runs.</summary>
    public int RoundsMax { get; init; } = 8;

    /// <summary>
    /// While the device stands still, the daemon there may be silent for so long, in ms, before the device goes on here. Peers give it up when their
    /// retries are used up: after 540 ms at the usual settings (timeout 14, seven retries).
    /// </summary>
    public int PatienceMs { get; init; } = PatienceMsDefault;

    public const int PatienceMsDefault = 400;

    public const int PatienceMsMax = 60_000;
}

/// <summary>How far a migration is.</summary>
public sealed record MigrationProgress
{
    /// <summary>One word: connect, prepare, copy, freeze, resume.</summary>
    public required string Phase { get; init; }

    /// <summary>Round of copying, from 1; 0 outside of them.</summary>
    public int Round { get; init; }

    /// <summary>Bytes sent so far.</summary>
    public long BytesSent { get; init; }

    /// <summary>Bytes to send in this round.</summary>
    public long RoundBytes { get; init; }

    /// <summary>Bytes of this round sent.</summary>
    public long RoundBytesSent { get; init; }

    /// <summary>Bytes per second of late.</summary>
    public double BytesPerSecond { get; init; }
}

/// <summary>What a migration amounted to.</summary>
public sealed record MigrationReport
{
    public required string Device { get; init; }

    /// <summary>Its name at the other daemon.</summary>
    public required string NameThere { get; init; }

    public required string Address { get; init; }

    /// <summary>The other daemon, as asked for.</summary>
    public required string Host { get; init; }

    /// <summary>The name in the other's certificate, or "insecure".</summary>
    public required string Peer { get; init; }

    /// <summary>"copy" or "share".</summary>
    public required string Memory { get; init; }

    public required int QueuePairs { get; init; }

    public required long GuestRamBytes { get; init; }

    /// <summary>Bytes that went to the other daemon, headers included.</summary>
    public required long BytesSent { get; init; }

    public required long DeviceStateBytes { get; init; }

    /// <summary>Guest RAM copied in each round, in bytes; the last one while everything stood still.</summary>
    public required IReadOnlyList<long> Rounds { get; init; }

    /// <summary>How long the device was served by nobody, in ms.</summary>
    public required double BlackoutMs { get; init; }

    /// <summary>Packets that came after the device had stopped; they were dropped, and their senders send them again.</summary>
    public long LatePackets { get; init; }

    /// <summary>All phases in order.</summary>
    public required IReadOnlyList<PhaseTime> Phases { get; init; }

    /// <summary>From the request to the end, in ms.</summary>
    public required double TotalMs { get; init; }
}

/// <summary>One phase.</summary>
/// <param name="Name">One word.</param>
/// <param name="Milliseconds">How long it took.</param>
public sealed record PhaseTime(string Name, double Milliseconds);
