namespace RoceEngine.Rsockets;

/// <content>Receiving: the peer writes into the ring, and is told of each half that was read.</content>
public sealed partial class StreamCore
{
    private int _readOffset;
    private int _readBytes;
    private int _publishOffset;
    private int _remoteTarget;
    private ushort _received;
    private ushort _creditsDue;

    /// <summary>Bytes that can be read.</summary>
    public int AvailableBytes { get; private set; }

    /// <summary>A read would not wait: there are bytes, or there never will be.</summary>
    public bool CanReceive => AvailableBytes != 0 || !IsReadable;

    /// <summary>Copies what is there, as far as it fits. Returns the bytes copied.</summary>
    /// <param name="into">Where to.</param>
    /// <param name="isPeek">The bytes stay. MSG_PEEK.</param>
    public int Receive(Span<byte> into, bool isPeek = false)
    {
        int bytes = Math.Min(into.Length, AvailableBytes);
        int beforeEnd = Math.Min(bytes, _options.ReceiveBytes - _readOffset);
        ReadOnlySpan<byte> ring = _buffers.Receive.Span;
        ring.Slice(_readOffset, beforeEnd).CopyTo(into);
        ring[..(bytes - beforeEnd)].CopyTo(into[beforeEnd..]);
        if (!isPeek)
        {
            _readOffset = (_readOffset + bytes) % _options.ReceiveBytes;
            AvailableBytes -= bytes;
            _readBytes += bytes;
            GiveCredits();
        }

        return bytes;
    }

    // Bytes arrive in order, so their place follows from their number. The peer has room for what it was told of; more is a lie.
    private void HandleData(uint bytes)
    {
        if (bytes > (uint)(_options.ReceiveBytes - AvailableBytes))
        {
            Fail(StreamErrno.Protocol);
            return;
        }

        AvailableBytes += (int)bytes;
    }

    /// <summary>Announces a half that was read, or that messages were taken, once there is enough to tell.</summary>
    private void GiveCredits()
    {
        if (!IsConnected || _controlSlotsFree == 0)
        {
            return;
        }

        int half = _options.ReceiveBytes / 2;
        bool hasHalf = _readBytes >= half;
        if (!hasHalf && (short)(_received - _creditsDue) < 0)
        {
            return;
        }

        _creditsDue = (ushort)(_received + (_options.ReceiveDepth / 2));
        var message = new Message(MessageKind.Credits, (ushort)(_received + _options.ReceiveDepth));
        if (!hasHalf)
        {
            PostControl(message);
            return;
        }

        PostControl(
            message,
            new RemoteBuffer(_buffers.ReceiveName.Address + (uint)_publishOffset, _buffers.ReceiveName.Key, (uint)half),
            _peer!.Targets.Address + ((ulong)_remoteTarget * RemoteBuffer.Bytes),
            _peer.Targets.Key);
        _readBytes -= half;
        _publishOffset = (_publishOffset + half) % _options.ReceiveBytes;
        _remoteTarget = (int)((uint)(_remoteTarget + 1) % _peer.Targets.Length);
    }
}

/// <summary>Why a stream breaks.</summary>
internal static class StreamErrno
{
    /// <summary>EPROTO: the peer does what the protocol forbids.</summary>
    public const int Protocol = 71;
}
