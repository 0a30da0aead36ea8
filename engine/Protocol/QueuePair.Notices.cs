using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>What a QP tells its peer when its device is about to stand still, and when it runs again. For reliable connections.</summary>
public abstract partial class QueuePair
{
    private protected enum DeviceNotice : byte
    {
        None,

        /// <summary>The device is about to stand still.</summary>
        Pause,

        /// <summary>The device runs again.</summary>
        Resume,
    }

    /// <summary>Counts the notices, so that one which was late on its way is not obeyed after a newer one.</summary>
    private uint _noticesSent;
    private uint _lastNoticeSeen;

    private protected DeviceNotice OwedNotice { get; private set; }

    /// <summary>
    /// The device is about to stand still, to be carried elsewhere or saved: the peer is told to wait. A peer that does not know the notice is held
    /// by its own retries.
    /// </summary>
    public virtual void Pause()
    {
    }

    private protected void OweNotice(DeviceNotice notice)
    {
        OwedNotice = notice;
        _noticesSent += notice == DeviceNotice.None ? 0u : 1u;
    }

    /// <summary>True for a notice that is newer than all before.</summary>
    private protected bool IsNews(in Packet notice)
    {
        if (notice.Psn.DistanceFrom(new Psn(_lastNoticeSeen)) <= 0)
        {
            return false;
        }

        _lastNoticeSeen = notice.Psn.Value;
        return true;
    }

    private protected void TransferNotices(StateCursor state)
    {
        state.Value(ref _noticesSent);
        state.Value(ref _lastNoticeSeen);
    }

    /// <summary>The QP begins anew, with another peer perhaps.</summary>
    private protected void ForgetNotices()
    {
        OwedNotice = DeviceNotice.None;
        _noticesSent = 0;
        _lastNoticeSeen = 0;
    }

    /// <summary>Sends the notice that is owed; false when the sink has no room for it.</summary>
    private protected bool TryTell(IPacketSink sink, Path? path, uint destinationQpn)
    {
        if (path is not null)
        {
            if (!sink.HasRoom)
            {
                return false;
            }

            Packet packet = default;
            packet.Opcode = OwedNotice == DeviceNotice.Pause ? Opcode.RcPause : Opcode.RcResume;
            packet.PartitionKey = PartitionKeys.Default;
            packet.DestinationQpn = destinationQpn;
            packet.Psn = new Psn(_noticesSent);
            packet.PsnCount = 1;
            sink.Emit(packet, path.Route);
        }

        OwedNotice = DeviceNotice.None;
        return true;
    }
}
