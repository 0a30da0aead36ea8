using System.Runtime.InteropServices;

namespace RoceEngine.Libibverbs.Abi;

/// <summary><c>struct ibv_mw_bind_info</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvMwBindInfo
{
    public IbvMr* Mr;
    public ulong Addr;
    public ulong Length;
    public uint MwAccessFlags;
}

/// <summary><c>struct ibv_mw_bind</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IbvMwBind
{
    public ulong WrId;
    public uint SendFlags;
    public IbvMwBindInfo BindInfo;
}

/// <summary><c>struct ibv_send_wr</c>; the members of its unions lie over each other.</summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal unsafe struct IbvSendWr
{
    [FieldOffset(0)] public ulong WrId;
    [FieldOffset(8)] public IbvSendWr* Next;
    [FieldOffset(16)] public IbvSge* SgList;
    [FieldOffset(24)] public int NumSge;
    [FieldOffset(28)] public uint Opcode;
    [FieldOffset(32)] public uint SendFlags;

    /// <summary>Immediate data in network byte order, or the key to invalidate.</summary>
    [FieldOffset(36)] public uint ImmData;

    [FieldOffset(40)] public ulong RemoteAddr;
    [FieldOffset(48)] public uint RdmaRkey;
    [FieldOffset(48)] public ulong AtomicCompareAdd;
    [FieldOffset(56)] public ulong AtomicSwap;
    [FieldOffset(64)] public uint AtomicRkey;
    [FieldOffset(40)] public IbvAh* UdAh;
    [FieldOffset(48)] public uint UdRemoteQpn;
    [FieldOffset(52)] public uint UdRemoteQkey;
    [FieldOffset(80)] public IbvMw* BindMw;
    [FieldOffset(88)] public uint BindMwRkey;
    [FieldOffset(96)] public IbvMwBindInfo BindInfo;
}

/// <summary><c>struct ibv_recv_wr</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvRecvWr
{
    public ulong WrId;
    public IbvRecvWr* Next;
    public IbvSge* SgList;
    public int NumSge;
}

/// <summary><c>struct ibv_wc</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IbvWc
{
    public ulong WrId;
    public int Status;
    public int Opcode;
    public uint VendorErr;
    public uint ByteLen;

    /// <summary>Immediate data in network byte order, or the invalidated key.</summary>
    public uint ImmData;

    public uint QpNum;
    public uint SrcQp;
    public uint WcFlags;
    public ushort PkeyIndex;
    public ushort Slid;
    public byte Sl;
    public byte DlidPathBits;
}
