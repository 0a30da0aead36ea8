using System.Text.Json;
using System.Text.Json.Serialization;

namespace RoceEngine.Snapshots;

/// <summary>What a snapshot says of itself: readable JSON at the head of the file. Unknown members are ignored on reading.</summary>
public sealed record SnapshotManifest
{
    /// <summary>Format version of the file; the writer sets it.</summary>
    public int FormatVersion { get; init; } = SnapshotFormat.Version;

    /// <summary>Product and version that took it, such as "vRDMA 0.1.0".</summary>
    public required string Product { get; init; }

    /// <summary>When it was taken; written as UTC.</summary>
    public required DateTimeOffset TakenAt { get; init; }

    /// <summary>The host where it was taken.</summary>
    public required string HostName { get; init; }

    /// <summary>The device's name.</summary>
    public required string Device { get; init; }

    /// <summary>The device's address on the wire.</summary>
    public required string Address { get; init; }

    /// <summary>The device's identity: the same for all snapshots of it and for what is restored from them.</summary>
    public required Guid Identity { get; init; }

    /// <summary>This snapshot, as the restore ledger remembers it.</summary>
    public required Guid SnapshotId { get; init; }

    /// <summary>How often the device was restored or continued before this snapshot.</summary>
    public required ulong Epoch { get; init; }

    /// <summary>True when the device was stopped for this snapshot and did not go on after it.</summary>
    public required bool IsSuspended { get; init; }

    /// <summary>Length of guest RAM: a multiple of 4096.</summary>
    public required long GuestRamBytes { get; init; }

    /// <summary>Guest RAM that has been touched; a figure for people.</summary>
    public required long UsedRamBytes { get; init; }

    /// <summary>Length of the control region.</summary>
    public required long ControlBytes { get; init; }

    /// <summary>Length of the device's state.</summary>
    public required long DeviceStateBytes { get; init; }

    // A list that the JSON does not have reaches the setters below as null: generated code sets each init member.

    /// <summary>How many objects of each kind the device has.</summary>
    public IReadOnlyList<SnapshotObjectCount> Objects { get; init => field = value ?? []; } = [];

    /// <summary>The device's queue pairs.</summary>
    public IReadOnlyList<SnapshotQueuePair> QueuePairs { get; init => field = value ?? []; } = [];

    /// <summary>What the operator wrote to it.</summary>
    public string? Note { get; init; }

    /// <summary>The first sentence that is wrong with the lengths, or null.</summary>
    internal string? FindFault()
    {
        if (GuestRamBytes is < 0 or > SnapshotFormat.GuestRamBytesMax || GuestRamBytes % SnapshotFormat.PageBytes != 0)
            return $"guest RAM cannot have {GuestRamBytes} bytes";
        if (UsedRamBytes < 0 || UsedRamBytes > GuestRamBytes)
            return $"{UsedRamBytes} of {GuestRamBytes} bytes of guest RAM cannot be in use";
        if (ControlBytes is < 0 or > SnapshotFormat.ControlBytesMax)
            return $"a control region cannot have {ControlBytes} bytes";
        if (DeviceStateBytes is < 0 or > SnapshotFormat.DeviceStateBytesMax)
            return $"a device state cannot have {DeviceStateBytes} bytes";
        return null;
    }
}

/// <summary>How many objects of a kind a device has, such as "mr" and 12.</summary>
public sealed record SnapshotObjectCount
{
    public required string Name { get; init; }

    public required long Count { get; init; }
}

/// <summary>One queue pair as a person wants to see it.</summary>
public sealed record SnapshotQueuePair
{
    /// <summary>Queue pair number.</summary>
    public required uint Number { get; init; }

    /// <summary>"RC", "UC" or "UD".</summary>
    public required string Type { get; init; }

    /// <summary>"RESET", "INIT", "RTR", "RTS", "SQD", "SQE" or "ERR".</summary>
    public required string State { get; init; }

    /// <summary>Address of the peer; null when it has none.</summary>
    public string? Destination { get; init; }

    /// <summary>Queue pair number of the peer; 0 when it has none.</summary>
    public uint DestinationNumber { get; init; }

    /// <summary>Work requests in the send queue that have not completed.</summary>
    public long SendsOutstanding { get; init; }

    /// <summary>Work requests in the receive queue that have not completed.</summary>
    public long ReceivesOutstanding { get; init; }
}

/// <summary>The manifest's JSON, by generated code.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    WriteIndented = true)]
[JsonSerializable(typeof(SnapshotManifest))]
internal sealed partial class SnapshotJson : JsonSerializerContext
{
    /// <summary>The manifest as lines of their own, whatever bytes stand around them.</summary>
    public static byte[] Write(SnapshotManifest manifest) =>
        [(byte)'\n', .. JsonSerializer.SerializeToUtf8Bytes(manifest, Default.SnapshotManifest), (byte)'\n'];

    /// <summary>Reads a manifest and checks its lengths.</summary>
    /// <exception cref="SnapshotException">No manifest, or an impossible one.</exception>
    public static SnapshotManifest Read(ReadOnlySpan<byte> json)
    {
        SnapshotManifest? manifest;
        try
        {
            manifest = JsonSerializer.Deserialize(json, Default.SnapshotManifest);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw new SnapshotException("The snapshot's manifest is not readable: " + OneLine(e.Message), e);
        }
        if (manifest is null || manifest.Objects.Any(o => o is null) || manifest.QueuePairs.Any(q => q is null))
            throw new SnapshotException("The snapshot's manifest is not readable: something in it is null.");
        if (manifest.FindFault() is { } fault)
            throw new SnapshotException($"The snapshot's manifest is impossible: {fault}.");
        return manifest;
    }

    private static string OneLine(string message) => SnapshotText.Printable(message);
}
