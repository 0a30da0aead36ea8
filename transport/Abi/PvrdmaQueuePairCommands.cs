using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RoceEngine.Abi;

/// <summary>QP types, with the values of <c>enum ib_qp_type</c>. UC is an extension.</summary>
public enum PvrdmaQpType : byte
{
    Smi = 0,
    Gsi = 1,
    Rc = 2,
    Uc = 3,
    Ud = 4,
}

/// <summary>QP states, with the values of <c>enum ib_qp_state</c>.</summary>
public enum PvrdmaQpState : uint
{
    Reset = 0,
    Init = 1,
    ReadyToReceive = 2,
    ReadyToSend = 3,
    SendQueueDrained = 4,
    SendQueueError = 5,
    Error = 6,
}

/// <summary>
/// CREATE_QP. The directory holds the ring-state page, then <see cref="SendPageCount"/> pages of send work requests, then the receive work requests.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 80)]
public struct PvrdmaCreateQp
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public ulong DirectoryAddress;
    [FieldOffset(24)] public uint PdHandle;
    [FieldOffset(28)] public uint SendCqHandle;
    [FieldOffset(32)] public uint ReceiveCqHandle;
    [FieldOffset(36)] public uint SrqHandle;

    /// <summary>A power of two.</summary>
    [FieldOffset(40)] public uint MaxSendWr;

    /// <summary>A power of two.</summary>
    [FieldOffset(44)] public uint MaxReceiveWr;

    [FieldOffset(48)] public uint MaxSendSge;
    [FieldOffset(52)] public uint MaxReceiveSge;
    [FieldOffset(56)] public uint MaxInlineBytes;
    [FieldOffset(60)] public uint LocalKey;
    [FieldOffset(64)] public uint Access;

    /// <summary>Pages in the directory, the ring-state page included.</summary>
    [FieldOffset(68)] public ushort TotalPageCount;

    /// <summary>Pages of send work requests, without the ring-state page.</summary>
    [FieldOffset(70)] public ushort SendPageCount;

    [FieldOffset(72)] public ushort MaxAtomicArgument;

    /// <summary>Not 0: each send work request gives a completion.</summary>
    [FieldOffset(74)] public byte SignalAll;

    /// <summary>A <see cref="PvrdmaQpType"/>.</summary>
    [FieldOffset(75)] public byte QpType;

    /// <summary>Not 0: <see cref="SrqHandle"/> names the receive queue.</summary>
    [FieldOffset(76)] public byte UsesSrq;
}

/// <summary>Response to CREATE_QP of a device whose QPN and QP handle are different numbers (version 20).</summary>
[StructLayout(LayoutKind.Explicit, Size = 48)]
public struct PvrdmaCreateQpResponse
{
    [FieldOffset(0)] public PvrdmaResponseHeader Header;
    [FieldOffset(16)] public uint Qpn;
    [FieldOffset(20)] public uint QpHandle;
    [FieldOffset(24)] public uint MaxSendWr;
    [FieldOffset(28)] public uint MaxReceiveWr;
    [FieldOffset(32)] public uint MaxSendSge;
    [FieldOffset(36)] public uint MaxReceiveSge;
    [FieldOffset(40)] public uint MaxInlineBytes;
}

/// <summary>MODIFY_QP. The attribute mask has the values of <c>enum ibv_qp_attr_mask</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 184)]
public struct PvrdmaModifyQp
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public uint QpHandle;
    [FieldOffset(20)] public uint AttributeMask;
    [FieldOffset(24)] public PvrdmaQpAttributes Attributes;
}

/// <summary>QUERY_QP.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PvrdmaQueryQp
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public uint QpHandle;
    [FieldOffset(20)] public uint AttributeMask;
}

/// <summary>Response to QUERY_QP.</summary>
[StructLayout(LayoutKind.Explicit, Size = 176)]
public struct PvrdmaQueryQpResponse
{
    [FieldOffset(0)] public PvrdmaResponseHeader Header;
    [FieldOffset(16)] public PvrdmaQpAttributes Attributes;
}

/// <summary>Sizes of a QP's queues.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PvrdmaQpCapabilities
{
    [FieldOffset(0)] public uint MaxSendWr;
    [FieldOffset(4)] public uint MaxReceiveWr;
    [FieldOffset(8)] public uint MaxSendSge;
    [FieldOffset(12)] public uint MaxReceiveSge;
    [FieldOffset(16)] public uint MaxInlineBytes;
}

/// <summary><c>struct ibv_qp_attr</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 160)]
public struct PvrdmaQpAttributes
{
    /// <summary>A <see cref="PvrdmaQpState"/>.</summary>
    [FieldOffset(0)] public uint State;

    /// <summary>A <see cref="PvrdmaQpState"/>.</summary>
    [FieldOffset(4)] public uint CurrentState;

    /// <summary>A <see cref="PvrdmaMtu"/>.</summary>
    [FieldOffset(8)] public uint PathMtu;

    [FieldOffset(12)] public uint PathMigrationState;
    [FieldOffset(16)] public uint Qkey;
    [FieldOffset(20)] public uint ReceivePsn;
    [FieldOffset(24)] public uint SendPsn;
    [FieldOffset(28)] public uint DestinationQpn;

    /// <summary>A <see cref="PvrdmaAccess"/>.</summary>
    [FieldOffset(32)] public uint Access;

    [FieldOffset(36)] public ushort PkeyIndex;
    [FieldOffset(38)] public ushort AlternatePkeyIndex;
    [FieldOffset(40)] public byte EnableDrainedNotify;
    [FieldOffset(41)] public byte SendQueueDraining;
    [FieldOffset(42)] public byte MaxRdAtomic;
    [FieldOffset(43)] public byte MaxDestinationRdAtomic;
    [FieldOffset(44)] public byte MinRnrTimer;
    [FieldOffset(45)] public byte Port;
    [FieldOffset(46)] public byte Timeout;
    [FieldOffset(47)] public byte RetryCount;
    [FieldOffset(48)] public byte RnrRetry;
    [FieldOffset(49)] public byte AlternatePort;
    [FieldOffset(50)] public byte AlternateTimeout;
    [FieldOffset(56)] public PvrdmaQpCapabilities Capabilities;
    [FieldOffset(80)] public PvrdmaAhAttributes AddressHandle;
    [FieldOffset(120)] public PvrdmaAhAttributes AlternateAddressHandle;
}

/// <summary><c>struct ibv_global_route</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PvrdmaGlobalRoute
{
    [FieldOffset(0)] public PvrdmaGid DestinationGid;
    [FieldOffset(16)] public uint FlowLabel;
    [FieldOffset(20)] public byte SourceGidIndex;
    [FieldOffset(21)] public byte HopLimit;
    [FieldOffset(22)] public byte TrafficClass;
}

/// <summary>Six bytes of an Ethernet address.</summary>
[InlineArray(6)]
public struct PvrdmaMac
{
    private byte _first;
}

/// <summary><c>struct ibv_ah_attr</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
public struct PvrdmaAhAttributes
{
    /// <summary>Bit of <see cref="Flags"/>: the GRH is present. Required on RoCE.</summary>
    public const byte GlobalRouteFlag = 1;

    [FieldOffset(0)] public PvrdmaGlobalRoute GlobalRoute;
    [FieldOffset(24)] public ushort DestinationLid;
    [FieldOffset(26)] public ushort Vlan;
    [FieldOffset(28)] public byte ServiceLevel;
    [FieldOffset(29)] public byte SourcePathBits;
    [FieldOffset(30)] public byte StaticRate;
    [FieldOffset(31)] public byte Flags;
    [FieldOffset(32)] public byte Port;
    [FieldOffset(33)] public PvrdmaMac DestinationMac;
}
