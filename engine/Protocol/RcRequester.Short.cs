using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// Short requests: SENDs and WRITEs that fit into one packet of any path MTU. Streams of small messages are made of them, and for each of them the
/// general way would ask what is known: that it is the first and the last packet of its message, new, and asks for an acknowledgement.
/// </summary>
internal sealed unsafe partial class RcRequester
{
    /// <summary>The smallest path MTU, and what fits inline.</summary>
    private const uint ShortBytesMax = ScatterGatherList.InlineCapacityBytes;

    /// <summary>True for a valid request that takes one PSN whatever the path MTU is, and that an acknowledgement completes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsShort(in SendWorkRequest request) => request.Opcode <= WorkOpcode.SendWithImmediate && request.TotalBytes <= ShortBytesMax;

    /// <summary>
    /// All that were fetched are sent: takes new ones, and sends those at once that are short and go to another host. True with a request at the
    /// cursor that is to be looked at in the general way, false when there is none.
    /// </summary>
    private bool BeginRequests(IPacketSink sink, ref Packet packet, ref int budget, long nowNs)
    {
        Path path = _qp.Path!;
        while (FetchNext(nowNs))
        {
            if (budget <= 0 || path.Route.IsLocal || !sink.HasRoom || !TrySendShort(_cursor, path, sink, ref packet, nowNs))
            {
                return true;
            }

            budget--;
            _cursor = null;
        }

        return false;
    }

    /// <summary>False when the request is not a short one, or may not go now; nothing has happened then.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TrySendShort(SendSlot* slot, Path path, IPacketSink sink, ref Packet packet, long nowNs)
    {
        uint bytes = slot->Request.TotalBytes;
        if (!IsShort(slot->Request) || (slot->Request.Flags & SendFlags.Fence) != 0 || slot->Failure != CompletionStatus.Success
            || _sendPsn.DistanceFrom(_oldestUnacked) >= PsnsInFlightMax
            || !PayloadGather.TryGather(_qp, slot, 0, ref bytes, _qp.MtuShift, ref packet)
            || !path.Window.TryAcquire(_qp, bytes + PathWindow.PacketOverheadBytes))
        {
            return false;
        }

        _windowBytes += bytes + PathWindow.PacketOverheadBytes;
        _unrequestedBytes = 0;
        packet.PsnCount = 1;
        packet.Psn = slot->FirstPsn;
        packet.Flags = PacketFlags.AcknowledgeRequest;
        MessageFields.Set(slot, ref packet, first: true, last: true);
        sink.Emit(packet, path.Route);
        Advance(1, 1, asks: true, nowNs);
        return true;
    }

    /// <summary>The oldest packet is all of a request that was executed and has no response: it is complete.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void PassShort(SendSlot* slot)
    {
        _ackedBytes += slot->Request.TotalBytes + PathWindow.PacketOverheadBytes;
        _oldestUnacked += 1;
        _progressed = true;
        CompleteHead(CompletionStatus.Success, null);
    }
}
