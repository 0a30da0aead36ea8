using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RoceEngine.Libibverbs.Abi;

namespace RoceEngine.Librdmacm.Abi;

/// <summary><c>struct sockaddr_storage</c>.</summary>
[InlineArray(16)]
internal struct SockaddrStorage
{
    private ulong _words;
}

/// <summary><c>struct rdma_ib_addr</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
internal struct RdmaIbAddr
{
    [FieldOffset(0)] public IbvGid Sgid;
    [FieldOffset(0)] public ulong Alignment;
    [FieldOffset(16)] public IbvGid Dgid;
    [FieldOffset(32)] public ushort Pkey;
}

/// <summary><c>struct rdma_addr</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RdmaAddr
{
    public SockaddrStorage SrcAddr;
    public SockaddrStorage DstAddr;
    public RdmaIbAddr Addr;
}

/// <summary><c>struct rdma_route</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RdmaRoute
{
    public RdmaAddr Addr;
    public IbvSaPathRec* PathRec;
    public int NumPaths;
}

/// <summary><c>struct ibv_sa_path_rec</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct IbvSaPathRec
{
    [FieldOffset(0)] public IbvGid Dgid;
    [FieldOffset(0)] public ulong Alignment;
    [FieldOffset(16)] public IbvGid Sgid;
    [FieldOffset(32)] public ushort Dlid;
    [FieldOffset(36)] public int RawTraffic;
    [FieldOffset(40)] public uint FlowLabel;
    [FieldOffset(44)] public byte HopLimit;
    [FieldOffset(45)] public byte TrafficClass;
    [FieldOffset(48)] public int Reversible;
    [FieldOffset(52)] public byte NumbPath;
    [FieldOffset(54)] public ushort Pkey;
    [FieldOffset(56)] public byte Sl;
    [FieldOffset(57)] public byte MtuSelector;
    [FieldOffset(58)] public byte Mtu;
    [FieldOffset(60)] public byte Rate;
    [FieldOffset(62)] public byte PacketLifeTime;
    [FieldOffset(63)] public byte Preference;
}

/// <summary><c>struct rdma_event_channel</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RdmaEventChannel
{
    public int Fd;
}

/// <summary><c>struct rdma_cm_id</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RdmaCmId
{
    public IbvContext* Verbs;
    public RdmaEventChannel* Channel;
    public void* Context;
    public IbvQp* Qp;
    public RdmaRoute Route;
    public int Ps;
    public byte PortNum;
    public RdmaCmEvent* Event;
    public IbvCompChannel* SendCqChannel;
    public IbvCq* SendCq;
    public IbvCompChannel* RecvCqChannel;
    public IbvCq* RecvCq;
    public IbvSrq* Srq;
    public IbvPd* Pd;
    public int QpType;
}

/// <summary><c>struct rdma_conn_param</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RdmaConnParam
{
    public void* PrivateData;
    public byte PrivateDataLen;
    public byte ResponderResources;
    public byte InitiatorDepth;
    public byte FlowControl;
    public byte RetryCount;
    public byte RnrRetryCount;
    public byte Srq;
    public uint QpNum;
}

/// <summary><c>struct rdma_ud_param</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RdmaUdParam
{
    public void* PrivateData;
    public byte PrivateDataLen;
    public IbvAhAttr AhAttr;
    public uint QpNum;
    public uint Qkey;
}

/// <summary><c>struct rdma_cm_event</c>; the members of its union lie over each other.</summary>
[StructLayout(LayoutKind.Explicit, Size = 80)]
internal unsafe struct RdmaCmEvent
{
    [FieldOffset(0)] public RdmaCmId* Id;
    [FieldOffset(8)] public RdmaCmId* ListenId;
    [FieldOffset(16)] public int Event;
    [FieldOffset(20)] public int Status;
    [FieldOffset(24)] public RdmaConnParam Param;
    [FieldOffset(24)] public RdmaUdParam Ud;
}

/// <summary><c>struct rdma_addrinfo</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RdmaAddrinfo
{
    public int AiFlags;
    public int AiFamily;
    public int AiQpType;
    public int AiPortSpace;
    public uint AiSrcLen;
    public uint AiDstLen;
    public byte* AiSrcAddr;
    public byte* AiDstAddr;
    public byte* AiSrcCanonname;
    public byte* AiDstCanonname;
    public nuint AiRouteLen;
    public void* AiRoute;
    public nuint AiConnectLen;
    public void* AiConnect;
    public RdmaAddrinfo* AiNext;
}

/// <summary><c>struct rdma_cm_join_mc_attr_ex</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RdmaCmJoinMcAttrEx
{
    public uint CompMask;
    public uint JoinFlags;
    public byte* Addr;
}
