using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using RoceEngine.Abi;

namespace RoceEngine.Verbs.Internals;

/// <summary>Writes the head of a send work request into its slot. The slot still has what its last user wrote: every field that the device looks at is set.</summary>
internal static unsafe class SendRequestWriter
{
    /// <summary>Masked atomics work on 2^3 bytes.</summary>
    private const uint MaskedLogBytes = 3;

    /// <summary>Writes a request of RC or UC.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteConnected(byte* slot, in SendRequest request, uint sgeCount, uint inlineBytes, SendFlags flags)
    {
        PvrdmaSendWqe* header = WriteCommon(slot, in request, sgeCount, inlineBytes, flags);
        header->RemoteAddress = request.RemoteAddress;
        header->RdmaRemoteKey = request.RemoteKey;
        if (request.Opcode >= SendOpcode.CompareSwap)
        {
            WriteRare(header, in request);
        }
    }

    /// <summary>Writes a request of UD.</summary>
    public static void WriteDatagram(byte* slot, in SendRequest request, uint sgeCount, uint inlineBytes, SendFlags flags)
    {
        PvrdmaSendWqe* header = WriteCommon(slot, in request, sgeCount, inlineBytes, flags);
        header->DatagramQpn = request.RemoteQueuePair;
        header->DatagramQkey = request.RemoteQueueKey;
        header->DatagramAddress = request.Destination!.Vector;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static PvrdmaSendWqe* WriteCommon(byte* slot, in SendRequest request, uint sgeCount, uint inlineBytes, SendFlags flags)
    {
        var header = (PvrdmaSendWqe*)slot;
        header->WorkRequestId = request.WorkRequestId;
        header->SgeCount = sgeCount;
        header->TotalBytes = inlineBytes;
        header->Flags = (uint)flags;

        // Up to FETCH_ADD the numbers of the ABI are the verbs'.
        header->Opcode = (uint)request.Opcode;
        header->ImmediateOrKey = BinaryPrimitives.ReverseEndianness(request.Immediate);
        return header;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void WriteRare(PvrdmaSendWqe* header, in SendRequest request)
    {
        switch (request.Opcode)
        {
            case SendOpcode.CompareSwap or SendOpcode.FetchAdd:
                header->AtomicCompareOrAdd = request.CompareAdd;
                header->AtomicSwap = request.Swap;
                header->AtomicRemoteKey = request.RemoteKey;
                break;
            case SendOpcode.MaskedCompareSwap:
                WriteMasked(header, in request, PvrdmaWrOpcode.MaskedAtomicCompareSwap, request.Swap, request.CompareAdd);
                header->MaskedSwapMask = request.SwapMask;
                header->MaskedCompareMask = request.CompareMask;
                break;
            case SendOpcode.MaskedFetchAdd:
                WriteMasked(header, in request, PvrdmaWrOpcode.MaskedAtomicFetchAdd, request.CompareAdd, request.FieldBoundary);
                break;
            case SendOpcode.SendWithInvalidate:
                header->Opcode = (uint)PvrdmaWrOpcode.SendWithInvalidate;
                header->ImmediateOrKey = request.Immediate;
                break;
            case SendOpcode.LocalInvalidate:
                header->Opcode = (uint)PvrdmaWrOpcode.LocalInvalidate;
                header->ImmediateOrKey = request.Immediate;
                break;
            case SendOpcode.Flush:
                header->Opcode = (uint)PvrdmaWrOpcode.Flush;
                header->FlushLength = request.FlushBytes;
                header->FlushOptions = (uint)request.FlushOptions;
                break;
            case SendOpcode.AtomicWrite:
                header->Opcode = (uint)PvrdmaWrOpcode.AtomicWrite;
                break;
            default:
                break;
        }
    }

    private static void WriteMasked(PvrdmaSendWqe* header, in SendRequest request, PvrdmaWrOpcode opcode, ulong swapOrAdd, ulong compareOrBoundary)
    {
        header->Opcode = (uint)opcode;
        header->MaskedLogArgumentBytes = MaskedLogBytes;
        header->MaskedRemoteKey = request.RemoteKey;
        header->MaskedSwapOrAdd = swapOrAdd;
        header->MaskedCompareOrBoundary = compareOrBoundary;
        header->MaskedSwapMask = 0;
        header->MaskedCompareMask = 0;
    }
}
