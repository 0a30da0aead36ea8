using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RoceEngine.Abi;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <summary>
/// Takes work requests out of guest memory: copies head and entries once into private memory, checks the copy, and never looks at the
/// guest's bytes again, since the guest may change them at any time.
/// </summary>
internal static unsafe class WorkRequestReader
{
    /// <summary>Bytes of a message at most. IBTA vol. 1, 9.7.1.</summary>
    private const ulong MessageBytesMax = 1ul << 31;

    private const uint QpnMax = 0xFF_FFFF;
    private const uint LogAtomicBytes = 3;

    private const FlushOptions KnownFlushOptions = FlushOptions.Global | FlushOptions.Persistent | FlushOptions.WholeRegion;

    private const PvrdmaSendFlags KnownFlags = PvrdmaSendFlags.Fence | PvrdmaSendFlags.Signaled | PvrdmaSendFlags.Solicited
        | PvrdmaSendFlags.Inline | PvrdmaSendFlags.IpChecksum;

    /// <summary>
    /// Reads a send work request of a QP from its slot, which holds at least the header and what the QP's capabilities promise, in one page.
    /// </summary>
    public static FetchVerdict ReadSend(byte* slot, DeviceQueuePair qp, ExtensionBits extension, GidTable gids, ref SendWorkRequest request)
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
        if (qp.Service == TransportService.UnreliableDatagram && !TryReadDatagram(head, qp, gids, ref request))
        {
            return FetchVerdict.Invalid;
        }

        if (IsLocal(request.Opcode))
        {
            return ReadLocal(head, ref request);
        }

        return TryReadOperation(head, ref request) ? ReadData(slot, head, qp, extension, ref request) : FetchVerdict.Invalid;
    }

    private static bool IsLocal(WorkOpcode opcode) =>
        opcode is WorkOpcode.LocalInvalidate or WorkOpcode.BindWindow or WorkOpcode.FastRegister;

    /// <summary>What the operation's own fields say; false when they are impossible.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadOperation(in PvrdmaSendWqe head, ref SendWorkRequest request)
    {
        if (request.Opcode != WorkOpcode.Write)
        {
            return TryReadOtherOperation(head, ref request);
        }

        request.RemoteAddress = head.RemoteAddress;
        request.RemoteKey = head.RdmaRemoteKey;
        return true;
    }

    private static bool TryReadOtherOperation(in PvrdmaSendWqe head, ref SendWorkRequest request)
    {
        switch (request.Opcode)
        {
            case WorkOpcode.WriteWithImmediate:
                request.ImmediateOrKey = BinaryPrimitives.ReverseEndianness(head.ImmediateOrKey);
                goto case WorkOpcode.Write;
            case WorkOpcode.SendWithImmediate:
                request.ImmediateOrKey = BinaryPrimitives.ReverseEndianness(head.ImmediateOrKey);
                return true;
            case WorkOpcode.Write:
            case WorkOpcode.Read:
            case WorkOpcode.AtomicWrite:
                request.RemoteAddress = head.RemoteAddress;
                request.RemoteKey = head.RdmaRemoteKey;
                return true;
            case WorkOpcode.CompareSwap:
            case WorkOpcode.FetchAdd:
                request.RemoteAddress = head.RemoteAddress;
                request.RemoteKey = head.AtomicRemoteKey;
                request.CompareOrAdd = head.AtomicCompareOrAdd;
                request.Swap = head.AtomicSwap;
                return true;
            case WorkOpcode.MaskedCompareSwap:
            case WorkOpcode.MaskedFetchAdd:
                return TryReadMasked(head, ref request);
            case WorkOpcode.Flush:
                request.RemoteAddress = head.RemoteAddress;
                request.RemoteKey = head.RdmaRemoteKey;
                request.FlushBytes = head.FlushLength;
                request.FlushOptions = (FlushOptions)head.FlushOptions;
                return (head.FlushOptions & ~(uint)KnownFlushOptions) == 0;
            default:
                return true;
        }
    }

    /// <summary>Masked atomics are of 8 bytes: no other argument size, and none left out but by 0.</summary>
    private static bool TryReadMasked(in PvrdmaSendWqe head, ref SendWorkRequest request)
    {
        request.RemoteAddress = head.RemoteAddress;
        request.RemoteKey = head.MaskedRemoteKey;
        request.CompareMaskOrBoundary = head.MaskedCompareOrBoundary;
        request.CompareOrAdd = head.MaskedSwapOrAdd;
        if (request.Opcode == WorkOpcode.MaskedCompareSwap)
        {
            request.CompareOrAdd = head.MaskedCompareOrBoundary;
            request.Swap = head.MaskedSwapOrAdd;
            request.CompareMaskOrBoundary = head.MaskedCompareMask;
            request.SwapMask = head.MaskedSwapMask;
        }

        return head.MaskedLogArgumentBytes is 0 or LogAtomicBytes;
    }

    /// <summary>Where a datagram goes: as the address handle has it, which must be of the QP's own PD.</summary>
    private static bool TryReadDatagram(in PvrdmaSendWqe head, DeviceQueuePair qp, GidTable gids, ref SendWorkRequest request)
    {
        ref readonly PvrdmaAddressVector vector = ref head.DatagramAddress;
        if (request.Opcode is not (WorkOpcode.Send or WorkOpcode.SendWithImmediate)
            || vector.PortAndPd != ((1u << 24) | (qp.Domain.Handle & 0xFF_FFFF)) || !gids.IsBound(vector.GidIndex) || head.DatagramQpn > QpnMax)
        {
            return false;
        }

        request.Datagram.Gid = Gid.Read(vector.DestinationGid);
        request.Datagram.Qpn = head.DatagramQpn;
        request.Datagram.QueueKey = head.DatagramQkey;
        request.Datagram.TrafficClass = (byte)(vector.ServiceLevelClassFlow >> 20);
        request.Datagram.HopLimit = vector.HopLimit;
        request.Datagram.SourceGidIndex = vector.GidIndex;
        return !request.Datagram.Gid.IsZero;
    }

    /// <summary>A work request about keys: it has no data.</summary>
    private static FetchVerdict ReadLocal(in PvrdmaSendWqe head, ref SendWorkRequest request)
    {
        request.SgeCount = 0;
        request.TotalBytes = 0;
        if (head.SgeCount != 0 || (request.Flags & SendFlags.Inline) != 0)
        {
            return FetchVerdict.Invalid;
        }

        request.LocalOperation = request.Opcode switch
        {
            WorkOpcode.BindWindow => new LocalOperation
            {
                Key = head.BindKey,
                RegionKey = head.BindRegionKey,
                Address = head.BindAddress,
                Bytes = head.BindLength,
                Access = (AccessFlags)head.BindAccess,
            },
            WorkOpcode.FastRegister => new LocalOperation
            {
                Key = head.FastRegisterRemoteKey,
                Address = head.FastRegisterIova,
                Bytes = head.FastRegisterLength,
                Access = (AccessFlags)head.FastRegisterAccess,
                DirectoryAddress = head.FastRegisterDirectoryAddress,
                PageCount = head.FastRegisterPageCount,
                PageShift = head.FastRegisterPageShift,
            },
            _ => new LocalOperation { Key = head.ImmediateOrKey },
        };
        return FetchVerdict.Fetched;
    }

    private static FetchVerdict ReadData(
        byte* slot, in PvrdmaSendWqe head, DeviceQueuePair qp, ExtensionBits extension, ref SendWorkRequest request)
    {
        byte* body = slot + PvrdmaWqeLayout.SendHeaderBytes;
        FetchVerdict verdict = (request.Flags & SendFlags.Inline) != 0
            ? ReadInline(body, head.TotalBytes, qp.Capabilities.MaxInlineBytes, extension, ref request)
            : ReadEntries(body, head.SgeCount, qp.Capabilities.MaxSendSge, ref request.Sges, out request.SgeCount, out request.TotalBytes);

        // A flush names memory of the peer alone.
        return request.Opcode != WorkOpcode.Flush || request.SgeCount == 0 ? verdict : FetchVerdict.Invalid;
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

        if (count == 1)
        {
            into[0] = Unsafe.ReadUnaligned<ScatterGatherEntry>(entries);
            sgeCount = 1;
            totalBytes = into[0].Length;
            return totalBytes <= MessageBytesMax ? FetchVerdict.Fetched : FetchVerdict.Invalid;
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
            or WorkOpcode.Write or WorkOpcode.WriteWithImmediate or WorkOpcode.AtomicWrite;
        if ((extension & ExtensionBits.Inline) == 0 || !carriesData || bytes > bytesMax)
        {
            return FetchVerdict.Invalid;
        }

        new ReadOnlySpan<byte>(data, (int)bytes).CopyTo(MemoryMarshal.AsBytes((Span<ScatterGatherEntry>)request.Sges));
        request.SgeCount = 0;
        request.TotalBytes = bytes;
        return FetchVerdict.Fetched;
    }

    /// <summary>Up to FETCH_ADD, and for masked atomics, the numbers are the verbs'.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryMapOpcode(uint opcode, ExtensionBits extension, out WorkOpcode mapped)
    {
        mapped = (WorkOpcode)opcode;
        return opcode <= (uint)PvrdmaWrOpcode.AtomicFetchAdd || TryMapOtherOpcode(opcode, extension, out mapped);
    }

    private static bool TryMapOtherOpcode(uint opcode, ExtensionBits extension, out WorkOpcode mapped)
    {
        switch ((PvrdmaWrOpcode)opcode)
        {
            case PvrdmaWrOpcode.MaskedAtomicCompareSwap:
            case PvrdmaWrOpcode.MaskedAtomicFetchAdd:
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
            case PvrdmaWrOpcode.FastRegisterMr:
                mapped = WorkOpcode.FastRegister;
                return true;
            case PvrdmaWrOpcode.Flush when (extension & ExtensionBits.ExtendedVerbs) != 0:
                mapped = WorkOpcode.Flush;
                return true;
            case PvrdmaWrOpcode.AtomicWrite when (extension & ExtensionBits.ExtendedVerbs) != 0:
                mapped = WorkOpcode.AtomicWrite;
                return true;
            default:
                mapped = default;
                return false;
        }
    }
}
