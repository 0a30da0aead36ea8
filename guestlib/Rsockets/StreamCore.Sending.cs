namespace RoceEngine.Rsockets;

/// <content>Sending: bytes go through the ring into the peer's targets.</content>
public sealed partial class StreamCore
{
    /// <summary>Bytes of one WRITE at most.</summary>
    private const int TransferBytesMax = 1 << 16;

    /// <summary>The first WRITE of a call is short, so that the peer has something to do while the next bytes are copied.</summary>
    private const int FirstTransferBytes = 1 << 13;

    /// <summary>With less room in the ring a sender waits: a stream of small pieces costs more than it moves.</summary>
    private const int RoomBytesMin = 1 << 11;

    private int _ringOffset;
    private int _ringFree;
    private int _dataSlotsFree;
    private int _targetIndex;
    private ushort _sent;
    private ushort _sendLimit;

    /// <summary>At least one byte can be sent now.</summary>
    public bool CanSend => IsWritable && HasRoom && _sent != _sendLimit && Target.Length != 0;

    /// <summary>Everything that was posted has completed, and nothing waits to be posted.</summary>
    public bool IsAllSent =>
        _posts.Count == 0 && _controlWaiting is null && _controlSlotsFree == ControlSlots && _dataSlotsFree == _options.SendDepth - ControlSlots;

    /// <summary>Sends as much as there is room for. Returns the bytes taken.</summary>
    public int Send(ReadOnlySpan<byte> data)
    {
        int taken = 0;
        int transferBytes = FirstTransferBytes;
        if (!AnnounceMappings())
        {
            return 0;
        }

        while (taken < data.Length && CanSend)
        {
            RemoteBuffer target = Target;
            int bytes = CopyToRing(data[taken..], (int)Math.Min((uint)transferBytes, target.Length), out int offset);
            Target = target with { Address = target.Address + (uint)bytes, Length = target.Length - (uint)bytes };
            if (target.Length == (uint)bytes)
            {
                _targetIndex = (_targetIndex + 1) % TargetCount;
            }

            _sent++;
            PostData(offset, bytes, bytes, target.Address, target.Key, new Message(MessageKind.Data, (uint)bytes).ToImmediate());
            taken += bytes;
            transferBytes = Math.Min(2 * transferBytes, TransferBytesMax);
        }

        return taken;
    }

    /// <summary>
    /// Where the peer wants the next bytes. The peer writes it; this end takes away from it what it has sent, and no peer writes an entry that is not used up.
    /// </summary>
    private RemoteBuffer Target
    {
        get => RemoteBuffer.Read(TargetEntry, s_isBigEndian);
        set => value.Write(TargetEntry, s_isBigEndian);
    }

    private Span<byte> TargetEntry => _buffers.Targets.Span.Slice(_targetIndex * RemoteBuffer.Bytes, RemoteBuffer.Bytes);

    private bool HasRoom => _dataSlotsFree > 0 && _ringFree >= Math.Min(RoomBytesMin, _options.SendBytes);

    /// <summary>Copies up to so many bytes to the ring's next place, not around its end.</summary>
    private int CopyToRing(ReadOnlySpan<byte> data, int bytesMax, out int offset)
    {
        offset = _ringOffset;
        int bytes = Math.Min(Math.Min(data.Length, bytesMax), Math.Min(_ringFree, _options.SendBytes - _ringOffset));
        data[..bytes].CopyTo(_buffers.Send.Span[offset..]);
        return bytes;
    }

    /// <summary>Posts bytes of the ring.</summary>
    /// <param name="offset">The first.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="ringBytes">How far the ring advances, which may be farther: its end may have been too short.</param>
    /// <param name="address">Where they go.</param>
    /// <param name="key">The key of that.</param>
    /// <param name="immediate">What the peer is told.</param>
    private void PostData(int offset, int bytes, int ringBytes, ulong address, uint key, uint? immediate)
    {
        _dataSlotsFree--;
        _ringFree -= ringBytes;
        _ringOffset = (offset + bytes) % _options.SendBytes;
        _posts.Enqueue(new StreamPost(PostId.OfData(ringBytes), offset, bytes, address, key, immediate));
    }
}
