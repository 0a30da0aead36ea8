using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RoceEngine.Libibverbs.Abi;

/// <summary>Room for a <c>pthread_mutex_t</c>; all zeroes is an unlocked one. Programs do not look inside.</summary>
[InlineArray(5)]
internal struct PthreadMutex
{
    private ulong _words;
}

/// <summary>Room for a <c>pthread_cond_t</c>; all zeroes is one that nobody waits for.</summary>
[InlineArray(6)]
internal struct PthreadCondition
{
    private ulong _words;
}

/// <summary><c>union ibv_gid</c>.</summary>
[InlineArray(16)]
internal struct IbvGid
{
    private byte _first;
}

/// <summary>Text of 64 bytes, ended by a zero.</summary>
[InlineArray(64)]
internal struct Text64
{
    private byte _first;
}

/// <summary>Text of 256 bytes, ended by a zero.</summary>
[InlineArray(256)]
internal struct Text256
{
    private byte _first;
}

/// <summary><c>struct ibv_sge</c>: the same as the library's own scatter/gather entry.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IbvSge
{
    public ulong Addr;
    public uint Length;
    public uint Lkey;
}

/// <summary><c>struct ibv_data_buf</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IbvDataBuf
{
    public byte* Addr;
    public nuint Length;
}
