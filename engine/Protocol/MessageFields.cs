using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>The header fields of SEND and WRITE packets, which RC and UC number alike.</summary>
internal static unsafe class MessageFields
{
    /// <summary>Sets the RC opcode and, by the packet's place in its message, RETH, immediate or key, and the solicited event.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Set(SendSlot* slot, ref Packet packet, bool first, bool last)
    {
        ref SendWorkRequest request = ref slot->Request;
        packet.Opcode = OpcodeOf(request.Opcode, first, last);
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

    private static Opcode OpcodeOf(WorkOpcode operation, bool first, bool last)
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
}
