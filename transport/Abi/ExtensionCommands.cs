using System.Runtime.InteropServices;

namespace RoceEngine.Abi;

/// <summary>CREATE_MW. <c>ibv_alloc_mw</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PvrdmaCreateMw
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public uint PdHandle;

    /// <summary>1 or 2, with the values of <c>enum ibv_mw_type</c>. Type 2 is 2B: bound to the QP that binds it.</summary>
    [FieldOffset(20)] public uint Type;
}

/// <summary>Response to CREATE_MW. The key's upper 24 bits are the window's for life; the low 8 change at each bind.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PvrdmaCreateMwResponse
{
    [FieldOffset(0)] public PvrdmaResponseHeader Header;
    [FieldOffset(16)] public uint MwHandle;
    [FieldOffset(20)] public uint RemoteKey;
}

/// <summary>REREG_MR, answered by a <see cref="PvrdmaCreateMrResponse"/>. <c>ibv_rereg_mr</c>. What is not named by a flag stays.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
public struct PvrdmaReregisterMr
{
    /// <summary>Bits of <see cref="Flags"/>, with the values of <c>enum ibv_rereg_mr_flags</c>.</summary>
    public const uint ChangeTranslation = 1;
    public const uint ChangePd = 2;
    public const uint ChangeAccess = 4;

    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public ulong Start;
    [FieldOffset(24)] public ulong Length;
    [FieldOffset(32)] public ulong DirectoryAddress;
    [FieldOffset(40)] public uint MrHandle;
    [FieldOffset(44)] public uint PdHandle;
    [FieldOffset(48)] public uint Access;
    [FieldOffset(52)] public uint PageCount;
    [FieldOffset(56)] public uint Flags;
}

/// <summary>
/// RESIZE_CQ with new pages, answered by a <see cref="PvrdmaHandleResponse"/> that holds the number of entries. <c>ibv_resize_cq</c>. Unread entries
/// move to the new pages in order; when the command is answered, the guest goes on there with the ring state that it finds in the first page.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
public struct PvrdmaResizeCqPages
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public ulong DirectoryAddress;
    [FieldOffset(24)] public uint CqHandle;

    /// <summary>Entries, a power of two, not below the unread ones.</summary>
    [FieldOffset(28)] public uint EntryCount;

    [FieldOffset(32)] public uint PageCount;
}

/// <summary>ATTACH_MCAST, DETACH_MCAST: a UD QP and a multicast group. <c>ibv_attach_mcast</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
public struct PvrdmaMulticast
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public PvrdmaGid Group;
    [FieldOffset(32)] public uint QpHandle;
}
