namespace RoceEngine.Wire;

/// <summary>BTH opcodes: the three high bits are the transport service, the five low bits the operation. IBTA vol. 1, 9.2.1, table 38.</summary>
public enum Opcode : byte
{
    RcSendFirst = 0x00,
    RcSendMiddle = 0x01,
    RcSendLast = 0x02,
    RcSendLastImmediate = 0x03,
    RcSendOnly = 0x04,
    RcSendOnlyImmediate = 0x05,
    RcWriteFirst = 0x06,
    RcWriteMiddle = 0x07,
    RcWriteLast = 0x08,
    RcWriteLastImmediate = 0x09,
    RcWriteOnly = 0x0A,
    RcWriteOnlyImmediate = 0x0B,
    RcReadRequest = 0x0C,
    RcReadResponseFirst = 0x0D,
    RcReadResponseMiddle = 0x0E,
    RcReadResponseLast = 0x0F,
    RcReadResponseOnly = 0x10,
    RcAcknowledge = 0x11,
    RcAtomicAcknowledge = 0x12,
    RcCompareSwap = 0x13,
    RcFetchAdd = 0x14,
    RcSendLastInvalidate = 0x16,
    RcSendOnlyInvalidate = 0x17,
    RcFlush = 0x1C,
    RcAtomicWrite = 0x1D,

    UcSendFirst = 0x20,
    UcSendMiddle = 0x21,
    UcSendLast = 0x22,
    UcSendLastImmediate = 0x23,
    UcSendOnly = 0x24,
    UcSendOnlyImmediate = 0x25,
    UcWriteFirst = 0x26,
    UcWriteMiddle = 0x27,
    UcWriteLast = 0x28,
    UcWriteLastImmediate = 0x29,
    UcWriteOnly = 0x2A,
    UcWriteOnlyImmediate = 0x2B,

    UdSendOnly = 0x64,
    UdSendOnlyImmediate = 0x65,

    CongestionNotification = 0x81,

    /// <summary>This project's own: the standard leaves 0xC0 … 0xFF to the manufacturer, and has no masked atomics.</summary>
    RcMaskedCompareSwap = 0xD3,

    /// <summary>This project's own, like <see cref="RcMaskedCompareSwap"/>.</summary>
    RcMaskedFetchAdd = 0xD4,

    /// <summary>This project's own: the sender's device is about to stand still, its peer sends nothing until <see cref="RcResume"/> or for a while.</summary>
    RcPause = 0xD5,

    /// <summary>This project's own: the sender's device runs again, perhaps elsewhere; its peer asks at once how far it is.</summary>
    RcResume = 0xD6,
}
