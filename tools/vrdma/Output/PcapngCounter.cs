using System.Buffers.Binary;

namespace RoceEngine.Vrdma.Output;

/// <summary>
/// A stream that passes a pcapng file on, block by block, and counts its packets: when enough have passed it says so and holds back
/// further ones, so that the file ends after exactly that many and is still whole.
/// </summary>
/// <param name="output">Where to.</param>
/// <param name="packetsMax">Packets passed on at most.</param>
/// <param name="begun">Called before the file's first byte is passed on.</param>
/// <param name="reached">Called when the last packet was let through.</param>
internal sealed class PcapngCounter(Stream output, long packetsMax, Action begun, Action reached) : Stream
{
    private const int BlockHeaderBytes = 8;
    private const uint EnhancedPacketBlock = 6;

    private readonly byte[] _header = new byte[BlockHeaderBytes];
    private int _headerBytes;
    private long _blockBytesLeft;
    private bool _isHeldBack;
    private bool _hasBegun;

    /// <summary>Packets passed on.</summary>
    public long Packets { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (!_hasBegun)
        {
            _hasBegun = true;
            begun();
        }

        while (!buffer.IsEmpty)
        {
            if (_blockBytesLeft == 0)
                buffer = TakeHeader(buffer);
            int piece = (int)Math.Min(_blockBytesLeft, buffer.Length);
            if (!_isHeldBack)
                output.Write(buffer[..piece]);
            _blockBytesLeft -= piece;
            buffer = buffer[piece..];
        }
    }

    public override void Flush() => output.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private ReadOnlySpan<byte> TakeHeader(ReadOnlySpan<byte> buffer)
    {
        int taken = Math.Min(BlockHeaderBytes - _headerBytes, buffer.Length);
        buffer[..taken].CopyTo(_header.AsSpan(_headerBytes));
        _headerBytes += taken;
        if (_headerBytes == BlockHeaderBytes)
            BeginBlock();
        return buffer[taken..];
    }

    private void BeginBlock()
    {
        _headerBytes = 0;
        bool isPacket = BinaryPrimitives.ReadUInt32LittleEndian(_header) == EnhancedPacketBlock;
        uint blockBytes = BinaryPrimitives.ReadUInt32LittleEndian(_header.AsSpan(sizeof(uint)));
        if (blockBytes < BlockHeaderBytes)
            throw new InvalidDataException($"a pcapng block of {blockBytes} bytes");
        _blockBytesLeft = blockBytes - BlockHeaderBytes;
        _isHeldBack = isPacket && Packets >= packetsMax;
        if (_isHeldBack)
            return;

        output.Write(_header);
        if (isPacket && ++Packets == packetsMax)
            reached();
    }
}
