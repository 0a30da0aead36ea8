using System.Runtime.InteropServices;

namespace RoceEngine.Abi;

/// <summary>Command numbers. The acknowledgement of a command is its number with bit 31 set.</summary>
public enum PvrdmaCommand : uint
{
    QueryPort = 0,
    QueryPkey = 1,
    CreatePd = 2,
    DestroyPd = 3,
    CreateMr = 4,
    DestroyMr = 5,
    CreateCq = 6,
    ResizeCq = 7,
    DestroyCq = 8,
    CreateQp = 9,
    ModifyQp = 10,
    QueryQp = 11,
    DestroyQp = 12,
    CreateUc = 13,
    DestroyUc = 14,
    CreateBind = 15,
    DestroyBind = 16,
    CreateSrq = 17,
    ModifySrq = 18,
    QuerySrq = 19,
    DestroySrq = 20,

    /// <summary>Extension (<see cref="ExtensionBits.MemoryWindows"/>): <see cref="PvrdmaCreateMw"/>.</summary>
    CreateMw = 0x100,

    /// <summary>Extension: a <see cref="PvrdmaHandleCommand"/>.</summary>
    DestroyMw = 0x101,

    /// <summary>Extension (<see cref="ExtensionBits.ExtendedVerbs"/>): <see cref="PvrdmaReregisterMr"/>.</summary>
    ReregisterMr = 0x102,

    /// <summary>Extension (<see cref="ExtensionBits.ExtendedVerbs"/>): <see cref="PvrdmaResizeCqPages"/>.</summary>
    ResizeCqPages = 0x103,

    /// <summary>Extension (<see cref="ExtensionBits.ExtendedVerbs"/>): <see cref="PvrdmaMulticast"/>.</summary>
    AttachMulticast = 0x104,

    /// <summary>Extension: <see cref="PvrdmaMulticast"/>.</summary>
    DetachMulticast = 0x105,

    /// <summary>Extension (<see cref="ExtensionBits.ExtendedVerbs"/>): <see cref="PvrdmaNextObject"/>.</summary>
    NextObject = 0x106,
}

/// <summary>What a command came to, in <see cref="PvrdmaResponseHeader.Error"/> and the error register: errno values.</summary>
public enum PvrdmaCommandError : byte
{
    None = 0,

    /// <summary>EPERM: a right that the object does not allow.</summary>
    NotPermitted = 1,

    /// <summary>ENOENT: no object has that handle.</summary>
    NoSuchObject = 2,

    /// <summary>ENOMEM: a limit or quota of the device is reached.</summary>
    LimitReached = 12,

    /// <summary>EFAULT: an address outside guest memory.</summary>
    BadAddress = 14,

    /// <summary>EBUSY: the object is in use by another.</summary>
    Busy = 16,

    /// <summary>ENODEV: the device is not activated.</summary>
    NotActive = 19,

    /// <summary>EINVAL: a field has an impossible value.</summary>
    InvalidArgument = 22,

    /// <summary>EOPNOTSUPP: the device does not do this.</summary>
    NotSupported = 95,
}

/// <summary>Facts about commands.</summary>
public static class PvrdmaCommands
{
    /// <summary>Set in the acknowledgement.</summary>
    public const uint ResponseBit = 1u << 31;

    /// <summary>Bytes of the largest command.</summary>
    public const int RequestBytesMax = 184;

    /// <summary>Bytes of the largest response.</summary>
    public const int ResponseBytesMax = 176;

    /// <summary>The acknowledgement number of a command.</summary>
    public static uint Acknowledgement(PvrdmaCommand command) => (uint)command | ResponseBit;

    /// <summary>
    /// True when the stock driver waits for this command's response. For the others a response interrupt would be taken for the next
    /// command's, so none is raised; their outcome is in the error register alone.
    /// </summary>
    public static bool HasResponse(PvrdmaCommand command) => command switch
    {
        PvrdmaCommand.QueryPort or PvrdmaCommand.QueryPkey or PvrdmaCommand.CreatePd or PvrdmaCommand.CreateMr
            or PvrdmaCommand.CreateCq or PvrdmaCommand.ResizeCq or PvrdmaCommand.CreateQp or PvrdmaCommand.ModifyQp
            or PvrdmaCommand.QueryQp or PvrdmaCommand.CreateUc or PvrdmaCommand.CreateSrq or PvrdmaCommand.QuerySrq
            or PvrdmaCommand.CreateMw or PvrdmaCommand.ReregisterMr or PvrdmaCommand.ResizeCqPages
            or PvrdmaCommand.NextObject => true,
        _ => false,
    };
}

/// <summary>First bytes of each command.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct PvrdmaCommandHeader
{
    /// <summary>A cookie that the response repeats.</summary>
    [FieldOffset(0)] public ulong Cookie;

    [FieldOffset(8)] public uint Command;
}

/// <summary>First bytes of each response.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct PvrdmaResponseHeader
{
    /// <summary>The command's cookie.</summary>
    [FieldOffset(0)] public ulong Cookie;

    /// <summary><see cref="PvrdmaCommands.Acknowledgement"/> of the command.</summary>
    [FieldOffset(8)] public uint Acknowledgement;

    /// <summary>A <see cref="PvrdmaCommandError"/>.</summary>
    [FieldOffset(12)] public byte Error;
}

/// <summary>A command that names one object only: DESTROY_* and QUERY_SRQ, CREATE_PD (which names the context).</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PvrdmaHandleCommand
{
    [FieldOffset(0)] public PvrdmaCommandHeader Header;
    [FieldOffset(16)] public uint Handle;
}

/// <summary>A response that carries one handle: CREATE_PD, CREATE_UC, CREATE_SRQ; RESIZE_CQ (the number of entries); DESTROY_QP (events reported).</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
public struct PvrdmaHandleResponse
{
    [FieldOffset(0)] public PvrdmaResponseHeader Header;
    [FieldOffset(16)] public uint Handle;
}
