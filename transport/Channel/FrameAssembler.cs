using System.Buffers.Binary;

namespace RoceEngine.Channel;

/// <summary>
/// Cuts a byte stream into the messages that it carries. It never holds more than one message beyond what was appended, and
/// never allocates for a length that is not allowed.
/// </summary>
public sealed class FrameAssembler
{
    private byte[] _buffer = new byte[512];
    private int _start;
    private int _end;

    /// <param name="frameBytesMax">Longest message that is accepted, in bytes.</param>
    public FrameAssembler(int frameBytesMax) => FrameBytesMax = frameBytesMax;

    /// <summary>Longest message that is accepted, in bytes.</summary>
    public int FrameBytesMax { get; set; }

    /// <summary>The length that a peer announced beyond the limit, or -1. Nothing can be read after it.</summary>
    public long OversizedBytes { get; private set; } = -1;

    /// <summary>Bytes appended and not yet taken as messages.</summary>
    public int PendingBytes => _end - _start;

    /// <summary>Adds bytes as they came from the socket.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_end + bytes.Length > _buffer.Length)
            MakeRoom(bytes.Length);
        bytes.CopyTo(_buffer.AsSpan(_end));
        _end += bytes.Length;
    }

    /// <summary>Takes the next whole message, valid until the next call; false when there is none yet, or never will be (<see cref="OversizedBytes"/>).</summary>
    public bool TryTake(out ReadOnlySpan<byte> frame)
    {
        frame = default;
        ReadOnlySpan<byte> pending = _buffer.AsSpan(_start, _end - _start);
        if (pending.Length < ChannelProtocol.LengthBytes || OversizedBytes >= 0)
            return false;
        uint bytes = BinaryPrimitives.ReadUInt32LittleEndian(pending);
        if (bytes > (uint)FrameBytesMax)
        {
            OversizedBytes = bytes;
            return false;
        }
        if (pending.Length - ChannelProtocol.LengthBytes < bytes)
            return false;
        frame = pending.Slice(ChannelProtocol.LengthBytes, (int)bytes);
        _start += ChannelProtocol.LengthBytes + (int)bytes;
        return true;
    }

    /// <summary>A message with its length in front.</summary>
    public static byte[] Frame(ReadOnlySpan<byte> message)
    {
        byte[] frame = new byte[ChannelProtocol.LengthBytes + message.Length];
        BinaryPrimitives.WriteInt32LittleEndian(frame, message.Length);
        message.CopyTo(frame.AsSpan(ChannelProtocol.LengthBytes));
        return frame;
    }

    private void MakeRoom(int bytes)
    {
        ReadOnlySpan<byte> pending = _buffer.AsSpan(_start, _end - _start);
        int needed = pending.Length + bytes;
        byte[] target = needed <= _buffer.Length ? _buffer : new byte[Math.Max(needed, _buffer.Length * 2)];
        pending.CopyTo(target);
        _buffer = target;
        _end = pending.Length;
        _start = 0;
    }
}
