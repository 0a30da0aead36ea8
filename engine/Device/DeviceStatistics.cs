using System.Runtime.CompilerServices;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>Counters of one device since it was made. A plain struct: the worker copies it, anybody may keep the copy.</summary>
public struct DeviceStatistics
{
    /// <summary>Packets handed to a link; a run on the local link counts as the packets that it stands for.</summary>
    public ulong TransmittedPackets;

    /// <summary>Payload bytes of those.</summary>
    public ulong TransmittedBytes;

    /// <summary>Packets for QPs of this device.</summary>
    public ulong ReceivedPackets;

    /// <summary>Payload bytes of those.</summary>
    public ulong ReceivedBytes;

    /// <summary>Packets dropped because no QP has that number.</summary>
    public ulong UnknownQpnPackets;

    /// <summary>Multicast packets dropped because no QP belongs to their group, or because they are no datagrams.</summary>
    public ulong UnknownGroupPackets;

    /// <summary>Send work requests taken from send queues.</summary>
    public ulong SendsFetched;

    /// <summary>Receive work requests taken from receive queues.</summary>
    public ulong ReceivesFetched;

    /// <summary>Entries written to CQs.</summary>
    public ulong Completions;

    /// <summary>Entries lost because their CQ was in error.</summary>
    public ulong CompletionsDropped;

    /// <summary>Entries of the completion notification ring.</summary>
    public ulong Notifications;

    /// <summary>Entries of the asynchronous event ring.</summary>
    public ulong AsyncEvents;

    /// <summary>Commands executed, the refused ones included.</summary>
    public ulong Commands;

    /// <summary>Commands refused.</summary>
    public ulong CommandsRefused;

    /// <summary>Send doorbells.</summary>
    public ulong SendDoorbells;

    /// <summary>Receive doorbells.</summary>
    public ulong ReceiveDoorbells;

    /// <summary>Timeouts handled.</summary>
    public ulong Timeouts;

    /// <summary>Entries written, by status.</summary>
    public CompletionStatusCounts ByStatus;

    /// <summary>Faults of the guest, by class.</summary>
    public GuestFaultCounts ByFault;
}

/// <summary>A count for each <see cref="CompletionStatus"/>.</summary>
[InlineArray(Length)]
public struct CompletionStatusCounts
{
    public const int Length = 22;

    private ulong _first;
}

/// <summary>A count for each <see cref="GuestFault"/>.</summary>
[InlineArray(Length)]
public struct GuestFaultCounts
{
    public const int Length = 9;

    private ulong _first;
}
