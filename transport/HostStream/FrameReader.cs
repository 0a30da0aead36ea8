namespace RoceEngine.HostStream;

/// <summary>Reads frames into one buffer, which grows to the largest that came.</summary>
internal sealed class FrameReader(Stream stream, IdleLimit limit, int payloadBytesMax, string remote)
{
    private const int FirstBufferBytes = 4 << 10;

    private readonly byte[] _header = new byte[FrameHeader.Length];
    private byte[] _payload = new byte[FirstBufferBytes];

    /// <summary>Whether a part of a frame has come and the rest has not.</summary>
    public bool IsInsideFrame { get; private set; }

    /// <exception cref="HostStreamException">What came is no frame, or there are no more.</exception>
    public async ValueTask<HostFrame> ReadAsync()
    {
        await FillAsync(_header).ConfigureAwait(false);
        FrameHeader header = Check(FrameHeader.Read(_header));
        int bytes = (int)header.PayloadBytes;
        if (bytes > _payload.Length)
            _payload = GC.AllocateUninitializedArray<byte>(Math.Min(RoundUp(bytes), payloadBytesMax));
        await FillAsync(_payload.AsMemory(0, bytes)).ConfigureAwait(false);
        IsInsideFrame = false;
        return new HostFrame(header.Type, _payload.AsMemory(0, bytes));
    }

    private FrameHeader Check(FrameHeader header)
    {
        if (header.Reserved != 0)
        {
            throw new HostStreamException(HostStreamFault.Protocol,
                $"what the host at {remote} sent is no frame: its reserved field is {header.Reserved}");
        }
        if (header.PayloadBytes > (uint)payloadBytesMax)
        {
            throw new HostStreamException(HostStreamFault.Protocol,
                $"the host at {remote} announced a frame of {header.PayloadBytes} bytes; at most {payloadBytesMax} are allowed");
        }
        return header;
    }

    private async ValueTask FillAsync(Memory<byte> target)
    {
        while (!target.IsEmpty)
        {
            limit.Progress();
            int read = await stream.ReadAsync(target, limit.Token).ConfigureAwait(false);
            if (read == 0)
                throw Ended();
            IsInsideFrame = true;
            target = target[read..];
        }
    }

    private HostStreamException Ended() => new(HostStreamFault.Closed, IsInsideFrame
        ? $"the host at {remote} closed the connection in the middle of a frame"
        : $"the host at {remote} closed the connection");

    private static int RoundUp(int bytes) => bytes > 1 << 30 ? bytes : (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)bytes);
}
