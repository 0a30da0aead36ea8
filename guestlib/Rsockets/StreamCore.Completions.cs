namespace RoceEngine.Rsockets;

/// <content>What the device tells, and control messages.</content>
public sealed partial class StreamCore
{
    private int _controlSlotsFree = ControlSlots;
    private int _nextControlSlot;
    private long _activity;
    private long _activitySeen = -1;
    private long _quietSinceNs;

    /// <summary>A message of the peer arrived; the bytes that it speaks of are in memory.</summary>
    /// <param name="immediate">Its immediate data.</param>
    public void HandleReceived(uint immediate)
    {
        _activity++;
        if (!IsConnected)
        {
            return;
        }

        Message message = Message.Of(immediate);
        switch (message.Kind)
        {
            case MessageKind.Data:
                _received++;
                HandleData(message.Value);
                break;
            case MessageKind.Credits:
                _sendLimit = (ushort)message.Value;
                break;
            case MessageKind.Mapping:
                // The table is looked at when it is needed.
                _received++;
                break;
            case MessageKind.Control:
                HandleControl((ControlMessage)message.Value);
                break;
            default:
                Fail(StreamErrno.Protocol);
                break;
        }

        GiveCredits();
    }

    /// <summary>A WRITE has completed.</summary>
    /// <param name="id">Which: <see cref="StreamPost.Id"/>.</param>
    public void HandleSent(ulong id)
    {
        _activity++;
        if (!PostId.IsControl(id))
        {
            _dataSlotsFree++;
            _ringFree += PostId.RingBytes(id);
            return;
        }

        _controlSlotsFree++;
        if (PostId.IsFinal(id) && Error == 0)
        {
            IsDisconnected = true;
            return;
        }

        SendControl();
        GiveCredits();
    }

    /// <summary>
    /// Asks the peer's device for a sign of life when there was none for so long and nothing is outstanding that would get one: an empty WRITE, which the
    /// peer's application does not see. Returns when to call again.
    /// </summary>
    public long HandleTime(long nowNs, long quietNs)
    {
        if (_activity != _activitySeen || !IsConnected || !IsAllSent)
        {
            _activitySeen = _activity;
            _quietSinceNs = nowNs;
        }
        else if (nowNs - _quietSinceNs >= quietNs)
        {
            _quietSinceNs = nowNs;
            _controlSlotsFree--;
            _posts.Enqueue(new StreamPost(PostId.OfControl(isFinal: false), 0, 0, 0, 0, null));
        }

        return _quietSinceNs + quietNs;
    }

    private void HandleControl(ControlMessage message)
    {
        if (message == ControlMessage.Disconnect || (message == ControlMessage.Shutdown && !IsWritable))
        {
            HandlePeerGone();
        }
        else if (message == ControlMessage.Shutdown)
        {
            IsReadable = false;
        }
    }

    private void PostControl(Message message)
    {
        _controlSlotsFree--;
        bool isFinal = message == new Message(MessageKind.Control, (uint)ControlMessage.Disconnect);
        _posts.Enqueue(new StreamPost(PostId.OfControl(isFinal), 0, 0, 0, 0, message.ToImmediate()));
    }

    private void PostControl(Message message, RemoteBuffer buffer, ulong address, uint key)
    {
        _controlSlotsFree--;
        int offset = _options.SendBytes + (_nextControlSlot * RemoteBuffer.Bytes);
        _nextControlSlot = (_nextControlSlot + 1) % ControlSlots;
        buffer.Write(_buffers.Send.Span[offset..], _peer!.IsBigEndian);
        _posts.Enqueue(new StreamPost(PostId.OfControl(isFinal: false), offset, RemoteBuffer.Bytes, address, key, message.ToImmediate()));
    }
}
