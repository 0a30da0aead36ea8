using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>Congestion marks seen and answered, notifications (CNP) obeyed. For connected services. IBTA annex A17.</summary>
public abstract partial class QueuePair
{
    /// <summary>A mark was seen, and the peer is to be told with the next packets.</summary>
    private protected bool OwesNotification { get; set; }

    /// <summary>True for a packet that was marked on its way, and for a notification.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static bool IsCongestionNews(in Packet packet) =>
        (packet.Flags & PacketFlags.CongestionExperienced) != 0 || packet.Opcode == Opcode.CongestionNotification;

    /// <summary>
    /// What the news of the QP's peer mean. True when that was all that the packet is about. Null for <paramref name="path"/> when the
    /// QP's state takes no packets.
    /// </summary>
    private protected bool HandleCongestionNews(in Packet packet, Path? path, ProtocolCounters counters, long nowNs)
    {
        if (path is null)
        {
            return false;
        }

        if (packet.Opcode == Opcode.CongestionNotification)
        {
            counters.CongestionNotificationsReceived++;
            path.Window.OnCongestionNotified();
            return true;
        }

        counters.CongestionMarks++;
        if (!OwesNotification && path.TryClaimNotification(nowNs))
        {
            OwesNotification = true;
            Schedule();
        }

        return false;
    }

    /// <summary>Sends the notification that is owed; false when the sink has no room for it.</summary>
    private protected bool TryNotify(IPacketSink sink, Path? path, uint destinationQpn, ProtocolCounters counters)
    {
        if (path is not null)
        {
            if (!sink.HasRoom)
            {
                return false;
            }

            Packet packet = default;
            packet.Opcode = Opcode.CongestionNotification;
            packet.PartitionKey = PartitionKeys.Default;
            packet.DestinationQpn = destinationQpn;
            packet.PsnCount = 1;
            sink.Emit(packet, path.PlainRoute);
            counters.CongestionNotificationsSent++;
        }

        OwesNotification = false;
        return true;
    }
}
