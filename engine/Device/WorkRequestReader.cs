using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>
/// Takes work requests out of guest memory: copies head and entries once into private memory, checks the copy, and never looks at the
/// guest's bytes again, since the guest may change them at any time.
/// </summary>
internal static unsafe class WorkRequestReader
{
    /// <summary>Bytes of a message at most. IBTA vol. 1, 9.7.1.</summary>
    private const ulong MessageBytesMax = 1ul << 31;

    private const PvrdmaSendFlags KnownFlags = PvrdmaSendFlags.Fence | PvrdmaSendFlags.Signaled | PvrdmaSendFlags.Solicited
        | PvrdmaSendFlags.Inline | PvrdmaSendFlags.IpChecksum;

    /// <summary>Reads a send work request from its slot, which holds at least the header and what the capabilities promise, in one page.</summary>
    public static FetchVerdict ReadSend(byte* slot, in PvrdmaQpCapabilities capabilities, ExtensionBits extension, ref SendWorkRequest request)
    {
        Unsafe.SkipInit(out PvrdmaSendWqe head);
        Unsafe.CopyBlockUnaligned(&head, slot, PvrdmaWqeLayout.SendHeaderBytes);

        request.WorkRequestId = head.WorkRequestId;
        var flags = (PvrdmaSendFlags)head.Flags;
        if ((flags & ~KnownFlags) != 0 || !TryMapOpcode(head.Opcode, extension, out request.Opcode))
        {
            return FetchVerdict.Invalid;
        }

        // The values of the remaining flags are the same on both sides.
        request.Flags = (SendFlags)(flags & ~PvrdmaSendFlags.IpChecksum);
        request.ImmediateOrKey = head.ImmediateOrKey;
        switch (request.Opcode)
        {
            case WorkOpcode.WriteWithImmediate:
                request.ImmediateOrKey = BinaryPrimitives.ReverseEndianness(head.ImmediateOrKey);
                goto case WorkOpcode.Write;
            case WorkOpcode.SendWithImmediate:
                request.ImmediateOrKey = BinaryPrimitives.ReverseEndianness(head.ImmediateOrKey);
                break;
            case WorkOpcode.Write:
            case WorkOpcode.Read:
                request.RemoteAddress = head.RemoteAddress;
                request.RemoteKey = head.RdmaRemoteKey;
                break;
            case WorkOpcode.CompareSwap:
            case WorkOpcode.FetchAdd:
                request.RemoteAddress = head.RemoteAddress;
                request.RemoteKey = head.AtomicRemoteKey;
                request.CompareOrAdd = head.AtomicCompareOrAdd;
                request.Swap = head.AtomicSwap;
                break;
            default:
                break;
        }

        byte* body = slot + PvrdmaWqeLayout.SendHeaderBytes;
        return (flags & PvrdmaSendFlags.Inline) != 0
            ? ReadInline(body, head.TotalBytes, capabilities.MaxInlineBytes, extension, ref request)
            : ReadEntries(body, head.SgeCount, capabilities.MaxSendSge, ref request.Sges, out request.SgeCount, out request.TotalBytes);
    }

    /// <summary>Reads a receive work request from its slot.</summary>
    public static FetchVerdict ReadReceive(byte* slot, uint sgesMax, ref ReceiveWorkRequest request)
    {
        Unsafe.SkipInit(out PvrdmaReceiveWqe head);
        Unsafe.CopyBlockUnaligned(&head, slot, PvrdmaWqeLayout.ReceiveHeaderBytes);
        request.WorkRequestId = head.WorkRequestId;
        return ReadEntries(
            slot + PvrdmaWqeLayout.ReceiveHeaderBytes, head.SgeCount, sgesMax, ref request.Sges, out request.SgeCount, out request.TotalBytes);
    }

    private static FetchVerdict ReadEntries(
        byte* entries, uint count, uint countMax, ref ScatterGatherList into, out byte sgeCount, out uint totalBytes)
    {
        sgeCount = 0;
        totalBytes = 0;
        if (count > countMax)
        {
            return FetchVerdict.Invalid;
        }

        // countMax is at most the list's capacity, which the device checked when it made the QP. Same layout on both sides: a layout test says so.
        Span<ScatterGatherEntry> copy = into[..(int)count];
        new ReadOnlySpan<byte>(entries, (int)count * PvrdmaWqeLayout.SgeBytes).CopyTo(MemoryMarshal.AsBytes(copy));
        ulong total = 0;
        foreach (ref readonly ScatterGatherEntry entry in copy)
        {
            total += entry.Length;
        }

        if (total > MessageBytesMax)
        {
            return FetchVerdict.Invalid;
        }

        sgeCount = (byte)count;
        totalBytes = (uint)total;
        return FetchVerdict.Fetched;
    }

    private static FetchVerdict ReadInline(byte* data, uint bytes, uint bytesMax, ExtensionBits extension, ref SendWorkRequest request)
    {
        bool carriesData = request.Opcode is WorkOpcode.Send or WorkOpcode.SendWithImmediate or WorkOpcode.SendWithInvalidate
            or WorkOpcode.Write or WorkOpcode.WriteWithImmediate;
        if ((extension & ExtensionBits.Inline) == 0 || !carriesData || bytes > bytesMax)
        {
            return FetchVerdict.Invalid;
        }

        new ReadOnlySpan<byte>(data, (int)bytes).CopyTo(MemoryMarshal.AsBytes((Span<ScatterGatherEntry>)request.Sges));
        request.SgeCount = 0;
        request.TotalBytes = bytes;
        return FetchVerdict.Fetched;
    }

    private static bool TryMapOpcode(uint opcode, ExtensionBits extension, out WorkOpcode mapped)
    {
        switch ((PvrdmaWrOpcode)opcode)
        {
            case PvrdmaWrOpcode.RdmaWrite:
            case PvrdmaWrOpcode.RdmaWriteWithImmediate:
            case PvrdmaWrOpcode.Send:
            case PvrdmaWrOpcode.SendWithImmediate:
            case PvrdmaWrOpcode.RdmaRead:
            case PvrdmaWrOpcode.AtomicCompareSwap:
            case PvrdmaWrOpcode.AtomicFetchAdd:
                // Up to here the numbers are the verbs'.
                mapped = (WorkOpcode)opcode;
                return true;
            case PvrdmaWrOpcode.SendWithInvalidate:
                mapped = WorkOpcode.SendWithInvalidate;
                return true;
            case PvrdmaWrOpcode.LocalInvalidate:
                mapped = WorkOpcode.LocalInvalidate;
                return true;
            case PvrdmaWrOpcode.BindMemoryWindow when (extension & ExtensionBits.MemoryWindows) != 0:
                mapped = WorkOpcode.BindWindow;
                return true;
            default:
                mapped = default;
                return false;
        }
    }
}
