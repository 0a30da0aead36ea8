namespace RoceEngine.Host;

/// <summary>Bytes on their way to a client's socket.</summary>
internal sealed class ByteQueue
{
    private byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;

    public int Count => _end - _start;

    public ReadOnlySpan<byte> Pending => _buffer.AsSpan(_start, Count);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_end + bytes.Length > _buffer.Length)
        {
            int count = Count;
            byte[] target = count + bytes.Length <= _buffer.Length ? _buffer : new byte[Math.Max(count + bytes.Length, 2 * _buffer.Length)];
            Buffer.BlockCopy(_buffer, _start, target, 0, count);
            _buffer = target;
            _start = 0;
            _end = count;
        }
        bytes.CopyTo(_buffer.AsSpan(_end));
        _end += bytes.Length;
    }

    public void Consume(int bytes)
    {
        _start += bytes;
        if (_start == _end)
            _start = _end = 0;
    }
}
