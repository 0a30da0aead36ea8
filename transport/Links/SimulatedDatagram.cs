using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>A UDP payload under way in a <see cref="SimulatedNetwork"/>. Pooled.</summary>
internal sealed class SimulatedDatagram
{
    // Pinned: packets point into it while they are delivered.
    public readonly byte[] Buffer = GC.AllocateUninitializedArray<byte>(RoceUdp.DatagramBytesMax, pinned: true);
    public int Bytes;
    public Gid Source;
    public Gid Destination;
    public byte Tos;
    public byte HopLimit;

    /// <summary>Whose link it is for: the destination, or one member of a group.</summary>
    public Gid Receiver;
}

/// <summary>Counters of a <see cref="SimulatedNetwork"/>, in datagrams.</summary>
public sealed class SimulatedNetworkStatistics
{
    public long Sent { get; internal set; }

    public long Lost { get; internal set; }

    public long Duplicated { get; internal set; }

    public long Reordered { get; internal set; }

    public long Corrupted { get; internal set; }

    public long Truncated { get; internal set; }

    public long Marked { get; internal set; }

    /// <summary>Delayed by a spike of their own; those that waited behind them are not counted.</summary>
    public long Spikes { get; internal set; }

    /// <summary>Dropped at a full queue.</summary>
    public long QueueDrops { get; internal set; }

    /// <summary>Dropped on a way that was cut.</summary>
    public long Partitioned { get; internal set; }

    /// <summary>Dropped since they were longer than the network carries.</summary>
    public long TooLong { get; internal set; }

    /// <summary>Arrived at an address without a link.</summary>
    public long Unreachable { get; internal set; }
}
