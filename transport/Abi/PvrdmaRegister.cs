namespace RoceEngine.Abi;

/// <summary>Byte offsets of the 32-bit registers in BAR1. Those from <see cref="ExtensionCaps"/> on are this project's extension; the stock driver never touches them.</summary>
public static class PvrdmaRegister
{
    /// <summary>R: device version, <see cref="AbiVersion.Pvrdma"/>.</summary>
    public const int Version = 0x00;

    /// <summary>W: low half of the guest physical address of the <see cref="PvrdmaDeviceSharedRegion"/>. Written first.</summary>
    public const int DsrLow = 0x04;

    /// <summary>W: high half; when this write returns, the device has filled the capabilities in the shared region.</summary>
    public const int DsrHigh = 0x08;

    /// <summary>W: a <see cref="PvrdmaDeviceControl"/>.</summary>
    public const int Control = 0x0C;

    /// <summary>W: any value; the device executes the command slot.</summary>
    public const int Request = 0x10;

    /// <summary>R: 0, or what went wrong with the last control, request or shared region write.</summary>
    public const int Error = 0x14;

    /// <summary>R: interrupt causes, one bit per <see cref="PvrdmaInterruptVector"/>; reading clears them.</summary>
    public const int InterruptCause = 0x18;

    /// <summary>R/W: a set bit masks that vector. The stock driver writes 0 to enable and all ones to disable.</summary>
    public const int InterruptMask = 0x1C;

    /// <summary>R/W: low four bytes of the MAC address.</summary>
    public const int MacLow = 0x20;

    /// <summary>R/W: high two bytes of the MAC address.</summary>
    public const int MacHigh = 0x24;

    /// <summary>R: the <see cref="ExtensionBits"/> that the device offers.</summary>
    public const int ExtensionCaps = 0x40;

    /// <summary>R/W: the <see cref="ExtensionBits"/> in force. A write takes what is offered of it; write before activation.</summary>
    public const int ExtensionEnable = 0x44;

    /// <summary>R: bytes of inline data at most, once <see cref="ExtensionBits.Inline"/> is enabled.</summary>
    public const int ExtensionInlineBytes = 0x48;

    /// <summary>Bytes of the register window.</summary>
    public const int WindowBytes = 0x100;
}

/// <summary>Values of <see cref="PvrdmaRegister.Control"/>.</summary>
public enum PvrdmaDeviceControl : uint
{
    Activate = 0,
    Unquiesce = 1,
    Reset = 2,
}

/// <summary>Interrupt vectors; the cause and mask bits are 1 shifted by the vector.</summary>
public enum PvrdmaInterruptVector
{
    Response = 0,
    AsyncEvent = 1,
    CompletionNotification = 2,
}

/// <summary>What the extension adds to the stock ABI. Off until the guest enables it.</summary>
[Flags]
public enum ExtensionBits : uint
{
    None = 0,

    /// <summary>Inline sends: the data stands in the WQE where the scatter/gather entries would.</summary>
    Inline = 1,

    /// <summary>UC queue pairs.</summary>
    UnreliableConnection = 2,

    /// <summary>Memory windows.</summary>
    MemoryWindows = 4,

    /// <summary>Doorbells by the two-level bitmap in the control region instead of UAR writes.</summary>
    DoorbellBitmap = 8,

    /// <summary>CQs are armed by the word at <see cref="CompletionQueuePage.ArmWordOffset"/> of their first page.</summary>
    ArmWord = 16,

    /// <summary>The commands and work requests beyond the stock ABI: re-registration, CQ resize, multicast, ATOMIC WRITE, FLUSH.</summary>
    ExtendedVerbs = 32,

    /// <summary>Guest and device are in one process: regions may be made over any of its memory, see <see cref="PvrdmaMrFlags.ProcessMemory"/>.</summary>
    ProcessMemory = 64,
}

/// <summary>Offsets and bits of the UAR page (BAR2). A value is a handle in the low 24 bits and one operation bit.</summary>
public static class PvrdmaUar
{
    public const uint HandleMask = 0x00FF_FFFF;

    public const int QpOffset = 0;
    public const uint QpSend = 1u << 30;
    public const uint QpReceive = 1u << 31;

    public const int CqOffset = 4;
    public const uint CqArmSolicited = 1u << 29;
    public const uint CqArm = 1u << 30;
    public const uint CqPoll = 1u << 31;

    public const int SrqOffset = 8;
    public const uint SrqReceive = 1u << 30;

    /// <summary>Bytes of one UAR page; BAR2 holds one per context.</summary>
    public const int PageBytes = 4096;
}
