using RoceEngine.Interop;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Librdmacm.Rsockets;

/// <summary>A place in a program's list of buffers. readv(2).</summary>
internal unsafe ref struct IoCursor
{
    private const int VectorsMax = 1024;
    private const int PieceBytesMax = 1 << 30;

    private readonly IoVector* _vectors;
    private readonly int _count;
    private int _index;
    private nuint _offset;

    /// <exception cref="VerbsException">EINVAL: too many buffers, or more bytes than a call can return. EFAULT: a null pointer.</exception>
    public IoCursor(IoVector* vectors, int count)
    {
        if (count is < 0 or > VectorsMax)
        {
            throw new VerbsException(Errno.EINVAL, $"{count} buffers");
        }

        if (vectors == null && count != 0)
        {
            throw new VerbsException(Errno.EFAULT, "no buffers");
        }

        _vectors = vectors;
        _count = count;
        nuint total = 0;
        for (int i = 0; i < count; i++)
        {
            if (vectors[i].Length > (nuint)nint.MaxValue - total)
            {
                throw new VerbsException(Errno.EINVAL, "more bytes than a call can return");
            }

            if (vectors[i].Base == null && vectors[i].Length != 0)
            {
                throw new VerbsException(Errno.EFAULT, "a null pointer");
            }

            total += vectors[i].Length;
        }

        Skip();
    }

    /// <summary>Nothing is left.</summary>
    public readonly bool IsAtEnd => _index == _count;

    /// <summary>Bytes behind.</summary>
    public nint Done { get; private set; }

    /// <summary>What is left of the buffer here, in pieces that a span can be.</summary>
    public readonly Span<byte> Piece => new(_vectors[_index].Base + _offset, (int)Math.Min(_vectors[_index].Length - _offset, PieceBytesMax));

    public void Advance(int bytes)
    {
        _offset += (nuint)bytes;
        Done += bytes;
        Skip();
    }

    private void Skip()
    {
        while (_index < _count && _offset == _vectors[_index].Length)
        {
            _index++;
            _offset = 0;
        }
    }
}
