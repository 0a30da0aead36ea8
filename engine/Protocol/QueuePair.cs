using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// What a QP is made with; fixed for its life. <c>struct ibv_qp_init_attr</c>, and the active MTU of the port, which bounds datagrams.
/// </summary>
public readonly record struct QueuePairConfig(
    TransportService Service,
    uint Qpn,
    int SendQueueDepth,
    int ReceiveQueueDepth,
    int SendSgesMax,
    int ReceiveSgesMax,
    bool SignalAllSends,
    bool UsesSharedReceiveQueue,
    int PortMtuBytes = RoceUdp.PayloadBytesMax);

/// <summary>
/// A queue pair without any I/O: packets, doorbells and time go in, packets, completions and a deadline come out.
/// It has no clock, socket, thread or lock, and allocates nothing after construction and warm-up.
/// </summary>
public abstract partial class QueuePair
{
    protected QueuePair(IQueuePairHost host, in QueuePairConfig config)
    {
        Host = host;
        Config = config;
    }

    public IQueuePairHost Host { get; }

    public QueuePairConfig Config { get; }

    public uint Qpn => Config.Qpn;

    public abstract QueuePairState State { get; }

    /// <summary>What the QP is in the middle of.</summary>
    public virtual QueuePairActivity Activity => QueuePairActivity.None;

    /// <summary>The device's own record of this QP (its rings and CQs); the protocol never looks inside.</summary>
    public object? DeviceState { get; set; }

    /// <summary>When <see cref="HandleTimeout"/> wants to be called, in ns of the worker's clock; long.MaxValue for never.</summary>
    public long DeadlineNs { get; protected set; } = long.MaxValue;

    /// <summary>For the worker's timer heap and transmit list only.</summary>
    public int TimerIndex { get; set; } = -1;

    /// <summary>
    /// True from <see cref="IQueuePairHost.ScheduleTransmit"/> until the worker calls <see cref="PollTransmit"/> and it returns false.
    /// The QP sets and clears it.
    /// </summary>
    public bool TransmitScheduled { get; set; }

    /// <summary>For <see cref="PathWindow"/> or <see cref="PathPacer"/> only: in line for room.</summary>
    internal bool WaitsForWindow { get; set; }

    /// <summary>For <see cref="PathWindow"/> only: bytes that the QP in line wants room for.</summary>
    internal long WindowBytesWanted { get; set; }

    /// <summary>For <see cref="PathWindow"/> or <see cref="PathPacer"/> only: the next in line.</summary>
    internal QueuePair? NextWaiting { get; set; }

    /// <summary><c>ibv_modify_qp</c>. Returns 0 or EINVAL; nothing is changed when it fails. Flushes on the way to the error state.</summary>
    public abstract int Modify(in QueuePairAttributes attributes, QueuePairAttributeMask mask, long nowNs);

    /// <summary><c>ibv_query_qp</c>.</summary>
    public abstract void Query(out QueuePairAttributes attributes);

    /// <summary>The guest rang the send doorbell.</summary>
    public abstract void HandleSendDoorbell(long nowNs);

    /// <summary>The guest posted receives while in the error state (flush), or something else about the receive queue changed.</summary>
    public abstract void HandleReceiveDoorbell(long nowNs);

    /// <summary>A packet for this QPN came from <paramref name="source"/>.</summary>
    public abstract void HandlePacket(in Packet packet, in Gid source, long nowNs);

    /// <summary>
    /// As <see cref="HandlePacket"/>, for datagrams: <paramref name="destination"/> is the device's own address or a multicast group.
    /// </summary>
    public virtual void HandleDatagram(in Packet packet, in Gid source, in Gid destination, long nowNs) => HandlePacket(packet, source, nowNs);

    /// <inheritdoc cref="IPacketReceiver.TryFindPlace"/>
    public virtual bool TryFindPlace(ref Packet run, in Gid source) => false;

    /// <summary>The time <see cref="DeadlineNs"/> was reached.</summary>
    public abstract void HandleTimeout(long nowNs);

    /// <summary>
    /// Emits packets while the sink has room, up to about <paramref name="packetBudget"/>. Returns true when more could be sent at once
    /// (budget or room ran out), false when the QP waits for something.
    /// </summary>
    public abstract bool PollTransmit(IPacketSink sink, int packetBudget, long nowNs);

    /// <summary>Asks the worker for a <see cref="PollTransmit"/>, once.</summary>
    internal void Schedule()
    {
        if (!TransmitScheduled)
        {
            TransmitScheduled = true;
            Host.ScheduleTransmit(this);
        }
    }

    /// <summary>
    /// The QP as part of its device's state: saves it, or loads it into a QP that was just made with the same <see cref="Config"/>. Between
    /// calls of the worker only. A QP that was loaded does nothing until <see cref="Resume"/>.
    /// </summary>
    /// <exception cref="StateException">What is loaded is no state that a QP can be in; the QP is to be thrown away.</exception>
    public abstract void Transfer(StateCursor state);

    /// <summary>The QP goes on after it was loaded, or after its device stood still: names its deadline, and asks for its turn.</summary>
    public abstract void Resume(long nowNs);

    /// <summary>Where a QP begins in a device's state.</summary>
    private protected const uint StateMark = 0x50_51_45_53;

    /// <summary>The device destroys the QP: releases what it holds; no completion follows.</summary>
    public abstract void Destroy();
}
