using RoceEngine.Libibverbs;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Rsockets;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Librdmacm.Rsockets;

/// <content>Buffers of the program that its peer may write to. riomap and riounmap of rsocket(7).</content>
internal sealed unsafe partial class StreamSocket
{
    private readonly List<Mapping> _mappings = [];

    /// <summary>Maps a buffer. Returns its offset.</summary>
    /// <exception cref="VerbsException">
    /// ENOTCONN. EINVAL: unknown rights, or no bytes. ENOMEM: the peer's table is full (RDMA_IOMAPSIZE). EFAULT: no memory there.
    /// </exception>
    public long Map(byte* address, nuint bytes, int rights, long offset)
    {
        const int write = 2;
        const long anywhere = -1;
        lock (_lock)
        {
            ThrowIfClosed();
            _ = Advance();
            if (State != SocketState.Connected)
            {
                throw new VerbsException(CmErrno.NotConnected, "riomap: the socket is not connected");
            }

            if ((rights & ~write) != 0 || bytes is 0 or > uint.MaxValue)
            {
                throw new VerbsException(Errno.EINVAL, $"riomap: rights {rights}, {bytes} bytes");
            }

            bool isForPeer = rights == write;
            offset = offset == anywhere ? (long)address : offset;
            MemoryRegion region = _endpoint!.Register(address, bytes, isForPeer);
            int? index = null;
            if (isForPeer)
            {
                index = _endpoint.Core.Map(new MappedBuffer((ulong)offset, new RemoteBuffer(region.Address, region.RemoteKey, (uint)bytes)));
                if (index is null)
                {
                    region.Dispose();
                    throw new VerbsException(Errno.ENOMEM, "riomap: the peer has no room for more mappings");
                }
            }

            _mappings.Add(new Mapping((ulong)address, bytes, region, index));
            return offset;
        }
    }

    /// <summary>Ends a mapping.</summary>
    /// <exception cref="VerbsException">EINVAL: there is none of this buffer.</exception>
    public int Unmap(byte* address, nuint bytes)
    {
        lock (_lock)
        {
            int place = _mappings.FindIndex(mapping => mapping.Address == (ulong)address && mapping.Bytes == bytes);
            if (place < 0)
            {
                throw new VerbsException(Errno.EINVAL, "riounmap: the buffer is not mapped");
            }

            Mapping ended = _mappings[place];
            _mappings.RemoveAt(place);
            if (ended.Index is { } index)
            {
                _endpoint!.Core.Unmap(index);
            }

            ended.Region.Dispose();
            return 0;
        }
    }

    private sealed record Mapping(ulong Address, nuint Bytes, MemoryRegion Region, int? Index);
}
