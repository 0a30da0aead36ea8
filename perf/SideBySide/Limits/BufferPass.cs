using System.Runtime.CompilerServices;

namespace RoceEngine.SideBySide.Limits;

/// <summary>Goes over a buffer piece by piece and does something to each piece.</summary>
internal interface IPiecePass
{
    /// <summary>A number that depends on all bytes of the piece, so that no pass can be left out.</summary>
    static abstract uint Pass(ReadOnlySpan<byte> piece);
}

/// <summary>How fast a pass goes over a buffer, in GB/s. A buffer beyond the caches shows the memory's share.</summary>
internal sealed unsafe class BufferPass<TPass>(long bufferBytes, int pieceBytes) : IMeasurement
    where TPass : IPiecePass
{
    private readonly AlignedMemory _buffer = new(bufferBytes);
    private readonly int _piecesPerBatch = (int)Math.Min(bufferBytes / pieceBytes, 256);
    private long _next;
    private uint _sum;

    /// <summary>What the passes gave, in sum.</summary>
    public uint Sum => _sum;

    public double Measure(double seconds)
    {
        var timer = new BatchTimer(seconds);
        do
        {
            RunBatch();
        }
        while (timer.Next());
        return (double)_piecesPerBatch * pieceBytes / timer.MedianSeconds / 1e9;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RunBatch()
    {
        for (int i = 0; i < _piecesPerBatch; i++)
        {
            _sum += TPass.Pass(new ReadOnlySpan<byte>(_buffer.Pointer + _next, pieceBytes));
            _next += pieceBytes;
            if (_next + pieceBytes > bufferBytes)
                _next = 0;
        }
    }

    public void Dispose() => _buffer.Dispose();
}
