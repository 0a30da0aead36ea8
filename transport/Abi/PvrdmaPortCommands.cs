using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RoceEngine.Abi;

/// <summary>QUERY_PORT.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PvrdmaQueryPort
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public byte Port;
}

/// <summary>Response to QUERY_PORT.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
public struct PvrdmaQueryPortResponse
{
    [FieldOffset(0)] public PvrdmaResponseHeader Header;
    [FieldOffset(16)] public PvrdmaPortAttributes Attributes;
}

/// <summary><c>struct ibv_port_attr</c> as the device gives it.</summary>
[StructLayout(LayoutKind.Explicit, Size = 48)]
public struct PvrdmaPortAttributes
{
    /// <summary>1 down, 4 active.</summary>
    [FieldOffset(0)] public uint State;

    /// <summary>A <see cref="PvrdmaMtu"/>.</summary>
    [FieldOffset(4)] public uint MaxMtu;

    /// <summary>A <see cref="PvrdmaMtu"/>.</summary>
    [FieldOffset(8)] public uint ActiveMtu;

    [FieldOffset(12)] public uint GidTableLength;
    [FieldOffset(16)] public uint CapabilityFlags;
    [FieldOffset(20)] public uint MaxMessageBytes;
    [FieldOffset(24)] public uint BadPkeyCount;
    [FieldOffset(28)] public uint QkeyViolationCount;
    [FieldOffset(32)] public ushort PkeyTableLength;
    [FieldOffset(34)] public ushort Lid;
    [FieldOffset(36)] public ushort SubnetManagerLid;
    [FieldOffset(38)] public byte LidMaskControl;
    [FieldOffset(39)] public byte MaxVirtualLanes;
    [FieldOffset(40)] public byte SubnetManagerServiceLevel;
    [FieldOffset(41)] public byte SubnetTimeout;
    [FieldOffset(42)] public byte InitTypeReply;
    [FieldOffset(43)] public byte ActiveWidth;
    [FieldOffset(44)] public byte ActiveSpeed;
    [FieldOffset(45)] public byte PhysicalState;
}

/// <summary>QUERY_PKEY.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PvrdmaQueryPkey
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public byte Port;
    [FieldOffset(17)] public byte Index;
}

/// <summary>Response to QUERY_PKEY.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PvrdmaQueryPkeyResponse
{
    [FieldOffset(0)] public PvrdmaResponseHeader Header;
    [FieldOffset(16)] public ushort Pkey;
}

/// <summary>CREATE_UC: a user context with a UAR page of its own. The response is a <see cref="PvrdmaHandleResponse"/>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PvrdmaCreateUc
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public ulong UarPageFrame;
}

/// <summary>Sixteen bytes of a GID, in network order.</summary>
[InlineArray(16)]
public struct PvrdmaGid
{
    private byte _first;
}

/// <summary>CREATE_BIND: puts a GID into the device's table.</summary>
[StructLayout(LayoutKind.Explicit, Size = 48)]
public struct PvrdmaCreateBind
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;

    /// <summary>A <see cref="PvrdmaMtu"/>.</summary>
    [FieldOffset(16)] public uint Mtu;

    [FieldOffset(20)] public uint Vlan;
    [FieldOffset(24)] public uint Index;
    [FieldOffset(28)] public PvrdmaGid Gid;

    /// <summary>1 RoCEv1, 2 RoCEv2.</summary>
    [FieldOffset(44)] public byte GidType;
}

/// <summary>DESTROY_BIND: takes a GID out of the device's table.</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
public struct PvrdmaDestroyBind
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public uint Index;
    [FieldOffset(20)] public PvrdmaGid Gid;
}

/// <summary>Path MTU codes; 256 bytes is 1, each next is twice.</summary>
public enum PvrdmaMtu : uint
{
    Mtu256 = 1,
    Mtu512 = 2,
    Mtu1024 = 3,
    Mtu2048 = 4,
    Mtu4096 = 5,
}
