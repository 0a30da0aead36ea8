using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>The header fields of request packets.</summary>
internal sealed unsafe partial class RcRequester
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SetMessageFields(SendSlot* slot, ref Packet packet, bool first, bool last)
    {
        ref SendWorkRequest request = ref slot->Request;
        packet.Opcode = MessageOpcode(request.Opcode, first, last);
        if (first && request.Opcode <= WorkOpcode.WriteWithImmediate)
        {
            packet.RemoteAddress = request.RemoteAddress;
            packet.RemoteKey = request.RemoteKey;
            packet.DmaLength = request.TotalBytes;
        }

        if (last && request.Opcode != WorkOpcode.Write)
        {
            packet.ImmediateOrKey = request.ImmediateOrKey;
            packet.Flags |= (request.Flags & SendFlags.Solicited) != 0 ? PacketFlags.SolicitedEvent : PacketFlags.None;
        }
    }

    private static Opcode MessageOpcode(WorkOpcode operation, bool first, bool last)
    {
        Opcode start = operation <= WorkOpcode.WriteWithImmediate ? Opcode.RcWriteFirst : Opcode.RcSendFirst;
        if (!last)
        {
            return first ? start : start + 1;
        }

        if (operation == WorkOpcode.SendWithInvalidate)
        {
            return first ? Opcode.RcSendOnlyInvalidate : Opcode.RcSendLastInvalidate;
        }

        bool immediate = operation is WorkOpcode.WriteWithImmediate or WorkOpcode.SendWithImmediate;
        return (Opcode)((int)start + (first ? 4 : 2) + (immediate ? 1 : 0));
    }

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
