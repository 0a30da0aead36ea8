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

    /// <summary>Pages of the send queue, between the ring state and the receive queue.</summary>
    public int SendPageCount { get; private set; }

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

    /// <summary>Puts the work queues over the pages: ring state, send queue, receive queue. The pages are enough for the capabilities.</summary>
    public unsafe void SetWorkQueues(int sendPages)
    {
        SendPageCount = sendPages;
        var state = (PvrdmaRingState*)Pages.At(0);
        Sends = new WorkQueue(
            Pages, &state->Send, 1, Capabilities.MaxSendWr, PvrdmaWqeLayout.SendSlotBytes(Capabilities.MaxSendSge, Capabilities.MaxInlineBytes));
        Receives = new WorkQueue(
            Pages, &state->Receive, 1 + sendPages, Capabilities.MaxReceiveWr, PvrdmaWqeLayout.ReceiveSlotBytes(Capabilities.MaxReceiveSge));
    }

    /// <summary>Makes the protocol's part; false when the engine does not speak the service.</summary>
    public bool TryMakeProtocol(DeviceCore core, bool signalsAll)
    {
        var config = new QueuePairConfig(
            Service,
            Qpn,
            (int)Capabilities.MaxSendWr,
            (int)Capabilities.MaxReceiveWr,
            (int)Capabilities.MaxSendSge,
            (int)(SharedReceives?.MaxSges ?? Capabilities.MaxReceiveSge),
            signalsAll,
            UsesSharedReceiveQueue: SharedReceives is not null,
            core.Options.ActiveMtuBytes);
        if (!core.Options.QueuePairFactory(core.Host, config, core.Protocol, out QueuePair? protocol))
        {
            return false;
        }

        protocol!.DeviceState = this;
        Protocol = protocol;
        return true;
    }

    /// <summary>Counts what the QP uses.</summary>
    public void CountUses(DeviceObjects objects)
    {
        Domain.References++;
        SendCompletionQueue.References++;
        ReceiveCompletionQueue.References++;
        if (SharedReceives is not null)
        {
            SharedReceives.References++;
        }

        objects.PinnedPages += Pages.Count;
    }
}
