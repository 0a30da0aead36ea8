using System.Runtime.InteropServices;

namespace RoceEngine.Abi;

/// <summary>Completion status, with the values of <c>enum ibv_wc_status</c>.</summary>
public enum PvrdmaWcStatus : uint
{
    Success = 0,
    LocalLengthError = 1,
    LocalQpOperationError = 2,
    LocalEecOperationError = 3,
    LocalProtectionError = 4,
    FlushError = 5,
    MemoryWindowBindError = 6,
    BadResponseError = 7,
    LocalAccessError = 8,
    RemoteInvalidRequestError = 9,
    RemoteAccessError = 10,
    RemoteOperationError = 11,
    RetryExceededError = 12,
    RnrRetryExceededError = 13,
    LocalRddViolationError = 14,
    RemoteInvalidRdRequestError = 15,
    RemoteAbortedError = 16,
    InvalidEecNumberError = 17,
    InvalidEecStateError = 18,
    FatalError = 19,
    ResponseTimeoutError = 20,
    GeneralError = 21,
}

/// <summary>What completed.</summary>
public enum PvrdmaWcOpcode : uint
{
    Send = 0,
    RdmaWrite = 1,
    RdmaRead = 2,
    CompareSwap = 3,
    FetchAdd = 4,
    BindMemoryWindow = 5,
    LargeSendOffload = 6,
    LocalInvalidate = 7,
    FastRegisterMr = 8,
    MaskedCompareSwap = 9,
    MaskedFetchAdd = 10,

    /// <summary>Extension.</summary>
    Flush = 11,

    /// <summary>Extension.</summary>
    AtomicWrite = 12,
    Receive = 128,
    ReceiveRdmaWithImmediate = 129,
}

/// <summary>Completion flags.</summary>
[Flags]
public enum PvrdmaWcFlags : uint
{
    None = 0,
    GlobalRouteHeader = 1,
    WithImmediate = 2,
    WithInvalidate = 4,
    IpChecksumOk = 8,
    WithSourceMac = 16,
    WithVlan = 32,
    WithNetworkHeaderType = 64,
}

/// <summary>A completion queue entry, 64 bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
public struct PvrdmaCqe
{
    public const int Length = 64;

    /// <summary>Values of <see cref="NetworkHeaderType"/>.</summary>
    public const byte NetworkIPv4 = 1;

    /// <summary>Values of <see cref="NetworkHeaderType"/>.</summary>
    public const byte NetworkIPv6 = 2;

    [FieldOffset(0)] public ulong WorkRequestId;

    /// <summary>The QP's handle, not its QPN.</summary>
    [FieldOffset(8)] public ulong QpHandle;

    /// <summary>A <see cref="PvrdmaWcOpcode"/>.</summary>
    [FieldOffset(16)] public uint Opcode;

    /// <summary>A <see cref="PvrdmaWcStatus"/>.</summary>
    [FieldOffset(20)] public uint Status;

    [FieldOffset(24)] public uint ByteLength;

    /// <summary>Immediate data, in network order in memory; or, in host order, the key that was invalidated.</summary>
    [FieldOffset(28)] public uint ImmediateOrKey;

    [FieldOffset(32)] public uint SourceQpn;

    /// <summary>A <see cref="PvrdmaWcFlags"/>.</summary>
    [FieldOffset(36)] public uint Flags;

    [FieldOffset(40)] public uint VendorError;
    [FieldOffset(44)] public ushort PkeyIndex;
    [FieldOffset(46)] public ushort SourceLid;
    [FieldOffset(48)] public byte ServiceLevel;
    [FieldOffset(49)] public byte DestinationPathBits;
    [FieldOffset(50)] public byte Port;
    [FieldOffset(51)] public PvrdmaMac SourceMac;
    [FieldOffset(57)] public byte NetworkHeaderType;
}

/// <summary>Asynchronous event types, with the values of <c>enum ib_event_type</c>.</summary>
public enum PvrdmaEvent : uint
{
    CqError = 0,
    QpFatal = 1,
    QpRequestError = 2,
    QpAccessError = 3,
    CommunicationEstablished = 4,
    SendQueueDrained = 5,
    PathMigrated = 6,
    PathMigrationError = 7,
    DeviceFatal = 8,
    PortActive = 9,
    PortError = 10,
    LidChange = 11,
    PkeyChange = 12,
    SubnetManagerChange = 13,
    SrqError = 14,
    SrqLimitReached = 15,
    QpLastWqeReached = 16,
    ClientReregister = 17,
    GidChange = 18,
}

/// <summary>Entry of the asynchronous event ring.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct PvrdmaEventEntry
{
    public const int Length = 8;

    /// <summary>A <see cref="PvrdmaEvent"/>.</summary>
    [FieldOffset(0)] public uint Type;

    /// <summary>Handle of the QP, CQ or SRQ, or the port.</summary>
    [FieldOffset(4)] public uint Info;
}

/// <summary>Entry of the completion notification ring: the handle of a CQ that fired.</summary>
[StructLayout(LayoutKind.Explicit, Size = 4)]
public struct PvrdmaNotificationEntry
{
    public const int Length = 4;

    [FieldOffset(0)] public uint CqHandle;
}
