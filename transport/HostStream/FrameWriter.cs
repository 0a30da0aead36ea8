namespace RoceEngine.HostStream;

/// <summary>
/// Writes frames. The header and the head of the payload leave together, as the 16 KiB that one TLS record holds; what follows
/// of a large payload is sent from where it is.
/// </summary>
internal sealed class FrameWriter(Stream stream, IdleLimit limit)
{
    private const int GatherBytes = 16 << 10;

    /// <summary>So much goes to the socket at a time: each such piece has the whole idle time for itself.</summary>
    private const int PieceBytesMax = 256 << 10;

    private readonly byte[] _gathered = new byte[GatherBytes];
    private int _gatheredBytes;

    public async ValueTask WriteAsync(FrameHeader header, ReadOnlyMemory<byte> first, ReadOnlyMemory<byte> second)
    {
        header.Write(_gathered);
        _gatheredBytes = FrameHeader.Length;
        await AppendAsync(first).ConfigureAwait(false);
        await AppendAsync(second).ConfigureAwait(false);
        await SendGatheredAsync().ConfigureAwait(false);
    }

    private async ValueTask AppendAsync(ReadOnlyMemory<byte> part)
    {
        int copied = Math.Min(part.Length, GatherBytes - _gatheredBytes);
        part[..copied].CopyTo(_gathered.AsMemory(_gatheredBytes));
        _gatheredBytes += copied;
        part = part[copied..];
        if (part.IsEmpty)
            return;
        await SendGatheredAsync().ConfigureAwait(false);
        while (part.Length >= GatherBytes)
        {
            int piece = Math.Min(part.Length, PieceBytesMax);
            await SendAsync(part[..piece]).ConfigureAwait(false);
            part = part[piece..];
        }
        part.CopyTo(_gathered);
        _gatheredBytes = part.Length;
    }

    private async ValueTask SendGatheredAsync()
    {
        int bytes = _gatheredBytes;
        _gatheredBytes = 0;
        if (bytes > 0)
            await SendAsync(_gathered.AsMemory(0, bytes)).ConfigureAwait(false);
    }

    private ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        limit.Progress();
        return stream.WriteAsync(bytes, limit.Token);
    }
}
