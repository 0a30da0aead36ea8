using System.Runtime.InteropServices;

namespace RoceEngine.Libibverbs.Abi;

/// <summary><c>struct ibv_context_ops</c>: the calls that <c>verbs.h</c> makes without going through a symbol. The other slots are of older days.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal unsafe struct IbvContextOps
{
    [FieldOffset(56)] public delegate* unmanaged<IbvPd*, int, IbvMw*> AllocMw;
    [FieldOffset(64)] public delegate* unmanaged<IbvQp*, IbvMw*, IbvMwBind*, int> BindMw;
    [FieldOffset(72)] public delegate* unmanaged<IbvMw*, int> DeallocMw;
    [FieldOffset(88)] public delegate* unmanaged<IbvCq*, int, IbvWc*, int> PollCq;
    [FieldOffset(96)] public delegate* unmanaged<IbvCq*, int, int> ReqNotifyCq;
    [FieldOffset(160)] public delegate* unmanaged<IbvSrq*, IbvRecvWr*, IbvRecvWr**, int> PostSrqRecv;
    [FieldOffset(200)] public delegate* unmanaged<IbvQp*, IbvSendWr*, IbvSendWr**, int> PostSend;
    [FieldOffset(208)] public delegate* unmanaged<IbvQp*, IbvRecvWr*, IbvRecvWr**, int> PostRecv;
}

/// <summary><c>struct ibv_context</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvContext
{
    public IbvDevice* Device;
    public IbvContextOps Ops;
    public int CmdFd;
    public int AsyncFd;
    public int NumCompVectors;
    public PthreadMutex Mutex;

    /// <summary>All ones tells that the context is the end of a <c>struct verbs_context</c>.</summary>
    public nint AbiCompat;
}

/// <summary>
/// <c>struct verbs_context</c>: what came after the first version of the interface stands before the context that a program holds. A slot that is null makes
/// the call in <c>verbs.h</c> answer EOPNOTSUPP.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal unsafe struct VerbsContext
{
    /// <summary>Bytes of the structure, which it also tells.</summary>
    public const int Bytes = 648;

    [FieldOffset(0)] public delegate* unmanaged<IbvContext*, byte, IbvPortAttr*, nuint, int> QueryPort;
    [FieldOffset(200)] public delegate* unmanaged<IbvContext*, IbvCqInitAttrEx*, IbvCqEx*> CreateCqEx;
    [FieldOffset(216)] public delegate* unmanaged<IbvContext*, void*, IbvDeviceAttrEx*, nuint, int> QueryDeviceEx;
    [FieldOffset(264)] public delegate* unmanaged<IbvContext*, IbvQpInitAttrEx*, IbvQp*> CreateQpEx;
    [FieldOffset(280)] public delegate* unmanaged<IbvContext*, IbvSrqInitAttrEx*, IbvSrq*> CreateSrqEx;
    [FieldOffset(312)] public nuint Sz;
    [FieldOffset(320)] public IbvContext Context;
}
