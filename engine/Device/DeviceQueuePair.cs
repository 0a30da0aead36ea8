using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>The device's record of a QP: its rings, its CQs, its place in the lists of the turn.</summary>
internal sealed class DeviceQueuePair
{
    public DeviceQueuePair(ProtectionDomain domain, CompletionQueue sendQueue, CompletionQueue receiveQueue, GuestPages pages)
    {
        Domain = domain;
        SendCompletionQueue = sendQueue;
        ReceiveCompletionQueue = receiveQueue;
        Pages = pages;
    }

    public ProtectionDomain Domain { get; }

    public CompletionQueue SendCompletionQueue { get; }

    public CompletionQueue ReceiveCompletionQueue { get; }

    public GuestPages Pages { get; }

    public TransportService Service { get; init; }

    /// <summary>The SRQ that it receives from; null when it has a receive queue of its own.</summary>
    public SharedReceiveQueue? SharedReceives { get; init; }

    /// <summary>The type-2 windows that it bound: the first of a list through the windows themselves.</summary>
    public MemoryWindow? FirstWindow;

    /// <summary>The protocol's part; set when the creation succeeded.</summary>
    public QueuePair Protocol { get; set; } = null!;

    public uint Handle { get; set; }

    public uint Qpn { get; set; }

    /// <summary>Sizes as granted.</summary>
    public PvrdmaQpCapabilities Capabilities;

    /// <summary>Paths as the driver gave them; a field, since it is a struct that changes.</summary>
    public PathRecord Paths;

    /// <summary>The send queue; a field, since it is a struct that changes.</summary>
    public WorkQueue Sends;

    /// <summary>The receive queue.</summary>
    public WorkQueue Receives;

    /// <summary>Multicast groups that it belongs to.</summary>
    public int GroupCount { get; set; }

    /// <summary>Asynchronous events about this QP.</summary>
    public uint EventCount { get; set; }

    /// <summary>Destroyed; packets, doorbells and deadlines no longer reach it.</summary>
    public bool IsDestroyed { get; set; }

    /// <summary>Next in the list of those that have something to transmit.</summary>
    public DeviceQueuePair? NextScheduled;

    /// <summary>In the list of those to be moved to the error state at the end of the call.</summary>
    public bool IsFailing { get; set; }
}
