namespace RoceEngine.Rsockets;

/// <content>Buffers of the applications: the own ones that the peer may write to, and the peer's. <c>riomap</c>, <c>riowrite</c> of rsocket(7).</content>
public sealed partial class StreamCore
{
    private readonly Queue<int> _unannounced = new();
    private MappedBuffer?[] _local;

    /// <summary>Maps a buffer; the peer is told before anything that is sent afterwards.</summary>
    /// <param name="buffer">The buffer and its offset.</param>
    /// <returns>Its index in the peer's table; null when that is full.</returns>
    public int? Map(MappedBuffer buffer)
    {
        int index = Array.IndexOf(_local, null);
        if (index < 0)
        {
            return null;
        }

        _local[index] = buffer;
        _unannounced.Enqueue(index);
        return index;
    }

    /// <summary>The index is free for another buffer. The peer is not told: the two applications have to agree.</summary>
    public void Unmap(int index) => _local[index] = null;

    /// <summary>The peer has mapped a buffer there.</summary>
    public bool IsMapped(ulong offset) => FindMapped(offset) is not null;

    /// <summary>There is room to write to a mapped buffer, and to tell the peer first of own buffers that it does not know.</summary>
    public bool CanWriteMapped => IsWritable && HasRoom && (_unannounced.Count == 0 || _sent != _sendLimit);

    /// <summary>Writes to the peer's mapped buffers from an offset on, as much as there is room for. Returns the bytes taken.</summary>
    public int WriteMapped(ReadOnlySpan<byte> data, ulong offset)
    {
        int taken = 0;
        int transferBytes = FirstTransferBytes;
        if (!AnnounceMappings())
        {
            return 0;
        }

        while (taken < data.Length && IsWritable && HasRoom && FindMapped(offset) is { } mapped)
        {
            ulong inside = offset - mapped.Offset;
            int bytes = CopyToRing(data[taken..], (int)Math.Min((ulong)transferBytes, mapped.Buffer.Length - inside), out int from);
            PostData(from, bytes, bytes, mapped.Buffer.Address + inside, mapped.Buffer.Key, immediate: null);
            taken += bytes;
            offset += (ulong)bytes;
            transferBytes = Math.Min(2 * transferBytes, TransferBytesMax);
        }

        return taken;
    }

    private MappedBuffer? FindMapped(ulong offset)
    {
        ReadOnlySpan<byte> table = _buffers.Targets.Span[MappingsOffset..];
        for (int i = 0; i < _options.MappingCount; i++)
        {
            var mapped = MappedBuffer.Read(table[(i * MappedBuffer.Bytes)..], s_isBigEndian);
            if (mapped.Contains(offset))
            {
                return mapped;
            }
        }

        return null;
    }

    /// <summary>Tells the peer of buffers that it does not know yet; false while there is no room for that.</summary>
    private bool AnnounceMappings()
    {
        while (_unannounced.TryPeek(out int index))
        {
            if (_local[index] is not { } buffer)
            {
                _ = _unannounced.Dequeue();
                continue;
            }

            int beforeEnd = _options.SendBytes - _ringOffset;
            int skipped = beforeEnd < MappedBuffer.Bytes ? beforeEnd : 0;
            if (!IsWritable || !HasRoom || _ringFree < MappedBuffer.Bytes + skipped || _sent == _sendLimit)
            {
                return false;
            }

            _ = _unannounced.Dequeue();
            int offset = skipped == 0 ? _ringOffset : 0;
            buffer.Write(_buffers.Send.Span[offset..], _peer!.IsBigEndian);
            _sent++;
            PostData(
                offset,
                MappedBuffer.Bytes,
                MappedBuffer.Bytes + skipped,
                _peer.Targets.Address + ((ulong)_peer.Targets.Length * RemoteBuffer.Bytes) + ((ulong)index * MappedBuffer.Bytes),
                _peer.Targets.Key,
                new Message(MessageKind.Mapping, (uint)index).ToImmediate());
        }

        return true;
    }
}
