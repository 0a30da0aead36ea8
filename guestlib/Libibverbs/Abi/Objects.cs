using System.Runtime.InteropServices;

namespace RoceEngine.Libibverbs.Abi;

/// <summary><c>struct ibv_device</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IbvDevice
{
    public nint Dummy1;
    public nint Dummy2;
    public int NodeType;
    public int TransportType;
    public Text64 Name;
    public Text64 DevName;
    public Text256 DevPath;
    public Text256 IbdevPath;
}

/// <summary><c>struct ibv_pd</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvPd
{
    public IbvContext* Context;
    public uint Handle;
}

/// <summary><c>struct ibv_mr</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvMr
{
    public IbvContext* Context;
    public IbvPd* Pd;
    public byte* Addr;
    public nuint Length;
    public uint Handle;
    public uint Lkey;
    public uint Rkey;
}

/// <summary><c>struct ibv_mw</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvMw
{
    public IbvContext* Context;
    public IbvPd* Pd;
    public uint Rkey;
    public uint Handle;
    public int Type;
}

/// <summary><c>struct ibv_ah</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvAh
{
    public IbvContext* Context;
    public IbvPd* Pd;
    public uint Handle;
}

/// <summary><c>struct ibv_comp_channel</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvCompChannel
{
    public IbvContext* Context;
    public int Fd;
    public int Refcnt;
}

/// <summary><c>struct ibv_cq</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvCq
{
    public IbvContext* Context;
    public IbvCompChannel* Channel;
    public void* CqContext;
    public uint Handle;
    public int Cqe;
    public PthreadMutex Mutex;
    public PthreadCondition Cond;
    public uint CompEventsCompleted;
    public uint AsyncEventsCompleted;
}

/// <summary><c>struct ibv_cq_ex</c>, whose head is a <c>struct ibv_cq</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvCqEx
{
    public IbvCq Base;
    public uint CompMask;
    public int Status;
    public ulong WrId;
    public delegate* unmanaged<IbvCqEx*, void*, int> StartPoll;
    public delegate* unmanaged<IbvCqEx*, int> NextPoll;
    public delegate* unmanaged<IbvCqEx*, void> EndPoll;
    public delegate* unmanaged<IbvCqEx*, int> ReadOpcode;
    public delegate* unmanaged<IbvCqEx*, uint> ReadVendorErr;
    public delegate* unmanaged<IbvCqEx*, uint> ReadByteLen;
    public delegate* unmanaged<IbvCqEx*, uint> ReadImmData;
    public delegate* unmanaged<IbvCqEx*, uint> ReadQpNum;
    public delegate* unmanaged<IbvCqEx*, uint> ReadSrcQp;
    public delegate* unmanaged<IbvCqEx*, uint> ReadWcFlags;
    public delegate* unmanaged<IbvCqEx*, uint> ReadSlid;
    public delegate* unmanaged<IbvCqEx*, byte> ReadSl;
    public delegate* unmanaged<IbvCqEx*, byte> ReadDlidPathBits;
    public delegate* unmanaged<IbvCqEx*, ulong> ReadCompletionTs;
    public delegate* unmanaged<IbvCqEx*, ushort> ReadCvlan;
    public delegate* unmanaged<IbvCqEx*, uint> ReadFlowTag;
    public nint ReadTmInfo;
    public delegate* unmanaged<IbvCqEx*, ulong> ReadCompletionWallclockNs;
}

/// <summary><c>struct ibv_srq</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvSrq
{
    public IbvContext* Context;
    public void* SrqContext;
    public IbvPd* Pd;
    public uint Handle;
    public PthreadMutex Mutex;
    public PthreadCondition Cond;
    public uint EventsCompleted;
}

/// <summary><c>struct ibv_qp</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvQp
{
    public IbvContext* Context;
    public void* QpContext;
    public IbvPd* Pd;
    public IbvCq* SendCq;
    public IbvCq* RecvCq;
    public IbvSrq* Srq;
    public uint Handle;
    public uint QpNum;
    public int State;
    public int QpType;
    public PthreadMutex Mutex;
    public PthreadCondition Cond;
    public uint EventsCompleted;
}

/// <summary><c>struct ibv_qp_ex</c>, whose head is a <c>struct ibv_qp</c>: the builder calls of <c>ibv_wr_post(3)</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvQpEx
{
    public IbvQp QpBase;
    public ulong CompMask;
    public ulong WrId;
    public uint WrFlags;
    public delegate* unmanaged<IbvQpEx*, uint, ulong, ulong, ulong, void> WrAtomicCmpSwp;
    public delegate* unmanaged<IbvQpEx*, uint, ulong, ulong, void> WrAtomicFetchAdd;
    public delegate* unmanaged<IbvQpEx*, IbvMw*, uint, IbvMwBindInfo*, void> WrBindMw;
    public delegate* unmanaged<IbvQpEx*, uint, void> WrLocalInv;
    public delegate* unmanaged<IbvQpEx*, uint, ulong, void> WrRdmaRead;
    public delegate* unmanaged<IbvQpEx*, uint, ulong, void> WrRdmaWrite;
    public delegate* unmanaged<IbvQpEx*, uint, ulong, uint, void> WrRdmaWriteImm;
    public delegate* unmanaged<IbvQpEx*, void> WrSend;
    public delegate* unmanaged<IbvQpEx*, uint, void> WrSendImm;
    public delegate* unmanaged<IbvQpEx*, uint, void> WrSendInv;
    public delegate* unmanaged<IbvQpEx*, void*, ushort, ushort, void> WrSendTso;
    public delegate* unmanaged<IbvQpEx*, IbvAh*, uint, uint, void> WrSetUdAddr;
    public delegate* unmanaged<IbvQpEx*, uint, void> WrSetXrcSrqn;
    public delegate* unmanaged<IbvQpEx*, byte*, nuint, void> WrSetInlineData;
    public delegate* unmanaged<IbvQpEx*, nuint, IbvDataBuf*, void> WrSetInlineDataList;
    public delegate* unmanaged<IbvQpEx*, uint, ulong, uint, void> WrSetSge;
    public delegate* unmanaged<IbvQpEx*, nuint, IbvSge*, void> WrSetSgeList;
    public delegate* unmanaged<IbvQpEx*, void> WrStart;
    public delegate* unmanaged<IbvQpEx*, int> WrComplete;
    public delegate* unmanaged<IbvQpEx*, void> WrAbort;
    public delegate* unmanaged<IbvQpEx*, uint, ulong, byte*, void> WrAtomicWrite;
}
