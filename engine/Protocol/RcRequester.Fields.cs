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
            default:
                packet.Opcode = Opcode.RcFetchAdd;
                packet.SwapOrAdd = request.CompareOrAdd;
                packet.Compare = 0;
                break;
        }
    }
}
