using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>The header fields of request packets.</summary>
internal sealed unsafe partial class RcRequester
{
    private static void SetAskingFields(SendSlot* slot, ref Packet packet, uint offset, uint bytes)
    {
        ref SendWorkRequest request = ref slot->Request;
        packet.RemoteAddress = request.RemoteAddress + offset;
        packet.RemoteKey = request.RemoteKey;
        switch (request.Opcode)
        {
            case WorkOpcode.Read:
                packet.Opcode = Opcode.RcReadRequest;
                packet.DmaLength = bytes;
                break;
            case WorkOpcode.CompareSwap:
                packet.Opcode = Opcode.RcCompareSwap;
                packet.SwapOrAdd = request.Swap;
                packet.Compare = request.CompareOrAdd;
                break;
            case WorkOpcode.MaskedCompareSwap:
                packet.Opcode = Opcode.RcMaskedCompareSwap;
                packet.SwapOrAdd = request.Swap;
                packet.Compare = request.CompareOrAdd;
                packet.CompareMaskOrBoundary = request.CompareMaskOrBoundary;
                packet.SwapMask = request.SwapMask;
                break;
            case WorkOpcode.MaskedFetchAdd:
                packet.Opcode = Opcode.RcMaskedFetchAdd;
                packet.SwapOrAdd = request.CompareOrAdd;
                packet.Compare = 0;
                packet.CompareMaskOrBoundary = request.CompareMaskOrBoundary;
                packet.SwapMask = 0;
                break;
            case WorkOpcode.Flush:
                packet.Opcode = Opcode.RcFlush;
                packet.FlushOptions = (uint)request.FlushOptions;
                packet.DmaLength = request.FlushBytes;
                break;
            case WorkOpcode.AtomicWrite:
                packet.Opcode = Opcode.RcAtomicWrite;
                packet.DmaLength = sizeof(ulong);
                break;
            default:
                packet.Opcode = Opcode.RcFetchAdd;
                packet.SwapOrAdd = request.CompareOrAdd;
                packet.Compare = 0;
                break;
        }
    }
}
