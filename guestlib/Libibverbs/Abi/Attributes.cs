using System.Runtime.InteropServices;

namespace RoceEngine.Libibverbs.Abi;

/// <summary><c>struct ibv_device_attr</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IbvDeviceAttr
{
    public Text64 FwVer;
    public ulong NodeGuid;
    public ulong SysImageGuid;
    public ulong MaxMrSize;
    public ulong PageSizeCap;
    public uint VendorId;
    public uint VendorPartId;
    public uint HwVer;
    public int MaxQp;
    public int MaxQpWr;
    public uint DeviceCapFlags;
    public int MaxSge;
    public int MaxSgeRd;
    public int MaxCq;
    public int MaxCqe;
    public int MaxMr;
    public int MaxPd;
    public int MaxQpRdAtom;
    public int MaxEeRdAtom;
    public int MaxResRdAtom;
    public int MaxQpInitRdAtom;
    public int MaxEeInitRdAtom;
    public int AtomicCap;
    public int MaxEe;
    public int MaxRdd;
    public int MaxMw;
    public int MaxRawIpv6Qp;
    public int MaxRawEthyQp;
    public int MaxMcastGrp;
    public int MaxMcastQpAttach;
    public int MaxTotalMcastQpAttach;
    public int MaxAh;
    public int MaxFmr;
    public int MaxMapPerFmr;
    public int MaxSrq;
    public int MaxSrqWr;
    public int MaxSrqSge;
    public ushort MaxPkeys;
    public byte LocalCaAckDelay;
    public byte PhysPortCnt;
}

/// <summary><c>struct ibv_device_attr_ex</c>. What is not named here stays zero: the device has none of it.</summary>
[StructLayout(LayoutKind.Explicit, Size = 400)]
internal struct IbvDeviceAttrEx
{
    [FieldOffset(0)] public IbvDeviceAttr OrigAttr;
    [FieldOffset(232)] public uint CompMask;
    [FieldOffset(264)] public ulong CompletionTimestampMask;
    [FieldOffset(272)] public ulong HcaCoreClock;
    [FieldOffset(280)] public ulong DeviceCapFlagsEx;
    [FieldOffset(396)] public uint PhysPortCntEx;
}

/// <summary><c>struct ibv_port_attr</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IbvPortAttr
{
    public int State;
    public int MaxMtu;
    public int ActiveMtu;
    public int GidTblLen;
    public uint PortCapFlags;
    public uint MaxMsgSz;
    public uint BadPkeyCntr;
    public uint QkeyViolCntr;
    public ushort PkeyTblLen;
    public ushort Lid;
    public ushort SmLid;
    public byte Lmc;
    public byte MaxVlNum;
    public byte SmSl;
    public byte SubnetTimeout;
    public byte InitTypeReply;
    public byte ActiveWidth;
    public byte ActiveSpeed;
    public byte PhysState;
    public byte LinkLayer;
    public byte Flags;
    public ushort PortCapFlags2;
}

/// <summary><c>struct ibv_gid_entry</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IbvGidEntry
{
    public IbvGid Gid;
    public uint GidIndex;
    public uint PortNum;
    public uint GidType;
    public uint NdevIfindex;
}

/// <summary><c>struct ibv_async_event</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IbvAsyncEvent
{
    /// <summary>A <c>struct ibv_cq</c>, <c>ibv_qp</c> or <c>ibv_srq</c>, or the number of a port.</summary>
    public nint Element;
    public int EventType;
}

/// <summary><c>struct ibv_global_route</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
internal struct IbvGlobalRoute
{
    // The union's 64-bit halves give it the alignment of 8.
    [FieldOffset(0)] public IbvGid Dgid;
    [FieldOffset(0)] public ulong Alignment;
    [FieldOffset(16)] public uint FlowLabel;
    [FieldOffset(20)] public byte SgidIndex;
    [FieldOffset(21)] public byte HopLimit;
    [FieldOffset(22)] public byte TrafficClass;
}

/// <summary><c>struct ibv_ah_attr</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IbvAhAttr
{
    public IbvGlobalRoute Grh;
    public ushort Dlid;
    public byte Sl;
    public byte SrcPathBits;
    public byte StaticRate;
    public byte IsGlobal;
    public byte PortNum;
}

/// <summary><c>struct ibv_qp_cap</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IbvQpCap
{
    public uint MaxSendWr;
    public uint MaxRecvWr;
    public uint MaxSendSge;
    public uint MaxRecvSge;
    public uint MaxInlineData;
}

/// <summary><c>struct ibv_qp_attr</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IbvQpAttr
{
    public int QpState;
    public int CurQpState;
    public int PathMtu;
    public int PathMigState;
    public uint Qkey;
    public uint RqPsn;
    public uint SqPsn;
    public uint DestQpNum;
    public uint QpAccessFlags;
    public IbvQpCap Cap;
    public IbvAhAttr AhAttr;
    public IbvAhAttr AltAhAttr;
    public ushort PkeyIndex;
    public ushort AltPkeyIndex;
    public byte EnSqdAsyncNotify;
    public byte SqDraining;
    public byte MaxRdAtomic;
    public byte MaxDestRdAtomic;
    public byte MinRnrTimer;
    public byte PortNum;
    public byte Timeout;
    public byte RetryCnt;
    public byte RnrRetry;
    public byte AltPortNum;
    public byte AltTimeout;
    public uint RateLimit;
}

/// <summary><c>struct ibv_qp_init_attr</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvQpInitAttr
{
    public void* QpContext;
    public IbvCq* SendCq;
    public IbvCq* RecvCq;
    public IbvSrq* Srq;
    public IbvQpCap Cap;
    public int QpType;
    public int SqSigAll;
}

/// <summary><c>struct ibv_qp_init_attr_ex</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 136)]
internal unsafe struct IbvQpInitAttrEx
{
    [FieldOffset(0)] public IbvQpInitAttr Base;
    [FieldOffset(60)] public uint CompMask;
    [FieldOffset(64)] public IbvPd* Pd;
    [FieldOffset(80)] public uint CreateFlags;
    [FieldOffset(128)] public ulong SendOpsFlags;
}

/// <summary><c>struct ibv_srq_attr</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IbvSrqAttr
{
    public uint MaxWr;
    public uint MaxSge;
    public uint SrqLimit;
}

/// <summary><c>struct ibv_srq_init_attr</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvSrqInitAttr
{
    public void* SrqContext;
    public IbvSrqAttr Attr;
}

/// <summary><c>struct ibv_srq_init_attr_ex</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal unsafe struct IbvSrqInitAttrEx
{
    [FieldOffset(0)] public void* SrqContext;
    [FieldOffset(8)] public IbvSrqAttr Attr;
    [FieldOffset(20)] public uint CompMask;
    [FieldOffset(24)] public int SrqType;
    [FieldOffset(32)] public IbvPd* Pd;
}

/// <summary><c>struct ibv_cq_init_attr_ex</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvCqInitAttrEx
{
    public uint Cqe;
    public void* CqContext;
    public IbvCompChannel* Channel;
    public uint CompVector;
    public ulong WcFlags;
    public uint CompMask;
    public uint Flags;
    public IbvPd* ParentDomain;
}
