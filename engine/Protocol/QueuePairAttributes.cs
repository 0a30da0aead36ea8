using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>QP states, with the values of <c>enum ibv_qp_state</c>. IBTA vol. 1, 10.3.1.</summary>
public enum QueuePairState : byte
{
    Reset = 0,
    Init = 1,
    ReadyToReceive = 2,
    ReadyToSend = 3,
    SendQueueDrained = 4,
    SendQueueError = 5,
    Error = 6,
}

/// <summary>Transport services, with the values of <c>enum ibv_qp_type</c>.</summary>
public enum TransportService : byte
{
    ReliableConnection = 2,
    UnreliableConnection = 3,
    UnreliableDatagram = 4,
}

/// <summary>Access rights, with the values of <c>enum ibv_access_flags</c>.</summary>
[Flags]
public enum AccessFlags : uint
{
    None = 0,
    LocalWrite = 1,
    RemoteWrite = 2,
    RemoteRead = 4,
    RemoteAtomic = 8,
    WindowBind = 16,
    ZeroBased = 32,
    OnDemand = 64,
    FlushGlobal = 256,
    FlushPersistent = 512,
}

/// <summary>Which attributes a modify names, with the values of <c>enum ibv_qp_attr_mask</c>.</summary>
[Flags]
public enum QueuePairAttributeMask : uint
{
    None = 0,
    State = 1 << 0,
    CurrentState = 1 << 1,
    EnableDrainedNotify = 1 << 2,
    AccessFlags = 1 << 3,
    PartitionKeyIndex = 1 << 4,
    Port = 1 << 5,
    QueueKey = 1 << 6,
    AddressVector = 1 << 7,
    PathMtu = 1 << 8,
    Timeout = 1 << 9,
    RetryCount = 1 << 10,
    RnrRetry = 1 << 11,
    ReceivePsn = 1 << 12,
    MaxRdAtomic = 1 << 13,
    AlternatePath = 1 << 14,
    MinRnrTimer = 1 << 15,
    SendPsn = 1 << 16,
    MaxDestinationRdAtomic = 1 << 17,
    PathMigrationState = 1 << 18,
    Capabilities = 1 << 19,
    DestinationQpn = 1 << 20,
}

/// <summary>The attributes of a QP that modify and query carry. <c>struct ibv_qp_attr</c>.</summary>
public struct QueuePairAttributes
{
    public QueuePairState State;
    public QueuePairState CurrentState;

    /// <summary>Path MTU in bytes: 256, 512, 1024, 2048 or 4096.</summary>
    public int PathMtuBytes;

    public uint QueueKey;
    public Psn ReceivePsn;
    public Psn SendPsn;
    public uint DestinationQpn;
    public AccessFlags Access;
    public bool EnableDrainedNotify;

    /// <summary>Initiator depth: READs and atomics outstanding at most.</summary>
    public byte MaxRdAtomic;

    /// <summary>Responder resources: READs and atomics that can be replayed.</summary>
    public byte MaxDestinationRdAtomic;

    /// <summary>Encoded RNR NAK timer, 0…31. IBTA vol. 1, table 45.</summary>
    public byte MinRnrTimer;

    /// <summary>Encoded local ACK timeout: 4.096 µs * 2^n, 0 is forever.</summary>
    public byte Timeout;

    public byte RetryCount;

    /// <summary>RNR retries; 7 is forever.</summary>
    public byte RnrRetry;

    public ushort PartitionKeyIndex;
    public byte Port;

    /// <summary>The peer's GID, from the address vector's GRH.</summary>
    public Gid DestinationGid;

    public byte SourceGidIndex;
    public byte TrafficClass;
    public byte HopLimit;
}
