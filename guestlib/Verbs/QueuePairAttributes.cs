using System.Net;

namespace RoceEngine.Verbs;

/// <summary>The attributes of a QP that <see cref="QueuePair.Modify"/> and <see cref="QueuePair.Query"/> carry. <c>struct ibv_qp_attr</c>.</summary>
public struct QueuePairAttributes
{
    /// <summary>The state to move to, or (query) the state it is in.</summary>
    public QueuePairState State;

    /// <summary>The state that the caller assumes; EINVAL when the QP is in another one.</summary>
    public QueuePairState CurrentState;

    /// <summary>Path MTU in bytes: 256, 512, 1024, 2048 or 4096.</summary>
    public int PathMtuBytes;

    /// <summary>Queue key (UD).</summary>
    public uint QueueKey;

    /// <summary>The first PSN expected from the peer: its send PSN; 24 bits.</summary>
    public uint ReceivePsn;

    /// <summary>The first PSN to send; 24 bits.</summary>
    public uint SendPsn;

    /// <summary>The peer's QP number; 24 bits.</summary>
    public uint DestinationNumber;

    /// <summary>What the peer may do through this QP: RemoteWrite, RemoteRead, RemoteAtomic.</summary>
    public AccessFlags Access;

    /// <summary>Whether reaching <see cref="QueuePairState.SendQueueDrained"/> raises <see cref="AsyncEventType.SendQueueDrained"/>.</summary>
    public bool EnableDrainedNotify;

    /// <summary>Initiator depth: own READs and atomics outstanding at most.</summary>
    public byte MaxRdAtomic;

    /// <summary>Responder resources: the peer's READs and atomics that can be outstanding.</summary>
    public byte MaxDestinationRdAtomic;

    /// <summary>Encoded RNR NAK timer, 0…31 (12 is 0.64 ms). IBTA vol. 1, table 45.</summary>
    public byte MinRnrTimer;

    /// <summary>Encoded local ACK timeout, 0…31: 4.096 µs * 2^n; 0 waits forever.</summary>
    public byte Timeout;

    /// <summary>Retries after a timeout or sequence NAK, 0…7.</summary>
    public byte RetryCount;

    /// <summary>Retries after RNR NAKs, 0…7; 7 is forever.</summary>
    public byte RnrRetry;

    /// <summary>Index into the partition key table; 0.</summary>
    public ushort PartitionKeyIndex;

    /// <summary>Port number; 1.</summary>
    public byte Port;

    /// <summary>The peer's address: its GID, of which IPv4 is the mapped form. Null when none was set.</summary>
    public IPAddress? DestinationAddress;

    /// <summary>Index of the own GID to send from; 0.</summary>
    public byte SourceGidIndex;

    /// <summary>IP traffic class (DSCP and ECN) of packets sent.</summary>
    public byte TrafficClass;

    /// <summary>IP time to live or hop limit of packets sent.</summary>
    public byte HopLimit;

    /// <summary>The alternate path: accepted and told, without effect. Null when none was set.</summary>
    public IPAddress? AlternateAddress;

    /// <summary>Port of the alternate path.</summary>
    public byte AlternatePort;

    /// <summary>Encoded local ACK timeout of the alternate path.</summary>
    public byte AlternateTimeout;

    /// <summary>Partition key index of the alternate path.</summary>
    public ushort AlternatePartitionKeyIndex;

    /// <summary>Path migration state: accepted and told, without effect. <c>enum ibv_mig_state</c>.</summary>
    public PathMigrationState PathMigrationState;

    /// <summary>Query only: the QP is in <see cref="QueuePairState.SendQueueDrained"/> and sends begun before have not all finished.</summary>
    public bool IsDraining;
}

/// <summary>Path migration states, with the values of <c>enum ibv_mig_state</c>.</summary>
public enum PathMigrationState : byte
{
    /// <summary>Migrated.</summary>
    Migrated = 0,

    /// <summary>To be rearmed.</summary>
    Rearm = 1,

    /// <summary>Armed.</summary>
    Armed = 2,
}

/// <summary>What a QP is made with. <c>struct ibv_qp_init_attr</c>.</summary>
public sealed record QueuePairOptions
{
    /// <summary>Where sends complete.</summary>
    public required CompletionQueue SendCompletionQueue { get; init; }

    /// <summary>Where receives complete; may be the same as <see cref="SendCompletionQueue"/>.</summary>
    public required CompletionQueue ReceiveCompletionQueue { get; init; }

    /// <summary>Sends outstanding at most; rounded up to a power of two.</summary>
    public int SendDepth { get; init; } = 128;

    /// <summary>Receives outstanding at most; rounded up to a power of two.</summary>
    public int ReceiveDepth { get; init; } = 128;

    /// <summary>Scatter/gather entries of a send at most.</summary>
    public int SendSges { get; init; } = 1;

    /// <summary>Scatter/gather entries of a receive at most.</summary>
    public int ReceiveSges { get; init; } = 1;

    /// <summary>Bytes of an inline send at most; see <see cref="QueuePair.InlineBytes"/> for what the QP got.</summary>
    public int InlineBytes { get; init; }

    /// <summary>Every send writes a CQE, as though it were <see cref="SendFlags.Signaled"/>.</summary>
    public bool SignalAll { get; init; }

    /// <summary>The transport service.</summary>
    public QueuePairType Type { get; init; } = QueuePairType.Rc;

    /// <summary>
    /// Where receives are taken from instead of a queue of the QP's own, whose <see cref="ReceiveDepth"/> and <see cref="ReceiveSges"/> are
    /// then not looked at; of the same device.
    /// </summary>
    public SharedReceiveQueue? SharedReceiveQueue { get; init; }
}
