using System.Runtime.InteropServices;

namespace RoceEngine.Abi;

/// <summary>Offsets in the control region, which a process guest shares with its device beside guest memory.</summary>
public static class ControlRegion
{
    /// <summary>Mirror of the readable registers; written by the device only.</summary>
    public const int RegisterPage = 0x0000;

    /// <summary>A <see cref="GuestControlPage"/>; written by the guest only.</summary>
    public const int GuestPage = 0x1000;

    /// <summary>A <see cref="DeviceControlPage"/>; written by the device only, but for <see cref="DeviceControlPage.MoveDecision"/>.</summary>
    public const int DevicePage = 0x2000;

    /// <summary>Send doorbells: summary.</summary>
    public const int SendSummary = 0x3000;

    /// <summary>Send doorbells: words, a bit per QP handle.</summary>
    public const int SendWords = 0x4000;

    /// <summary>Receive doorbells: summary.</summary>
    public const int ReceiveSummary = 0x5000;

    /// <summary>Receive doorbells: words, a bit per QP handle.</summary>
    public const int ReceiveWords = 0x6000;

    /// <summary>Bytes of the region.</summary>
    public const int Bytes = 0x7000;

    /// <summary>Handles that have a doorbell bit.</summary>
    public const int HandlesMax = 32768;
}

/// <summary>The guest's page: a register write on its way to the device.</summary>
[StructLayout(LayoutKind.Explicit, Size = 4096)]
public struct GuestControlPage
{
    /// <summary>Register offset to write, see <see cref="PvrdmaRegister"/>.</summary>
    [FieldOffset(0)] public uint MailboxOffset;

    [FieldOffset(4)] public uint MailboxValue;

    /// <summary>Increased by one, with a release store, after the other two are written.</summary>
    [FieldOffset(8)] public uint MailboxSequence;
}

/// <summary>The device's page.</summary>
[StructLayout(LayoutKind.Explicit, Size = 4096)]
public struct DeviceControlPage
{
    /// <summary>Values of <see cref="DeviceState"/>.</summary>
    public const uint StateRunning = 0;

    /// <summary>Values of <see cref="DeviceState"/>: the device gave up this guest; only detaching is left.</summary>
    public const uint StateFatal = 1;

    /// <summary>Values of <see cref="DeviceState"/>: the host closed the device.</summary>
    public const uint StateClosed = 2;

    /// <summary>Values of <see cref="DeviceState"/>: the device went back to a snapshot, and waits for a guest with other memory.</summary>
    public const uint StateReplaced = 3;

    /// <summary>Not 0 while the worker sleeps or is about to: a guest that rings a doorbell then also writes to the kick eventfd.</summary>
    [FieldOffset(0)] public uint NeedWakeup;

    /// <summary>Equals the mailbox sequence once that register write has taken effect, all effects visible.</summary>
    [FieldOffset(0x80)] public uint MailboxAcknowledged;

    [FieldOffset(0x100)] public uint DeviceState;

    /// <summary>A <see cref="Abi.MoveDecision"/>; written by both daemons of a move and the guest.</summary>
    [FieldOffset(0x180)] public ulong MoveDecision;
}
