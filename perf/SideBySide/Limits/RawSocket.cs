using System.Buffers.Binary;
using RoceEngine.Interop;
using static RoceEngine.Interop.SocketConstants;

namespace RoceEngine.SideBySide.Limits;

/// <summary>A bare non-blocking UDP socket on a loopback address, with a large receive buffer.</summary>
internal sealed unsafe class RawSocket : IDisposable
{
    private const int BufferBytes = 16 << 20;

    private readonly AlignedMemory _name = new(4096);

    public RawSocket(uint address, bool useGro)
    {
        Descriptor = SystemCallException.Check(Sockets.Create(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
        Name = (SockaddrIn*)_name.Pointer;
        *Name = new SockaddrIn { Family = AF_INET, AddressNetworkOrder = BinaryPrimitives.ReverseEndianness(address) };
        SystemCallException.Check(Sockets.Bind(Descriptor, Name, (uint)sizeof(SockaddrIn)), "bind");
        uint bytes = (uint)sizeof(SockaddrIn);
        SystemCallException.Check(Sockets.GetName(Descriptor, Name, &bytes), "getsockname");
        if (Sockets.SetOption(Descriptor, SOL_SOCKET, SO_RCVBUFFORCE, BufferBytes) != 0)
            _ = Sockets.SetOption(Descriptor, SOL_SOCKET, SO_RCVBUF, BufferBytes);
        if (useGro)
            SystemCallException.Check(Sockets.SetOption(Descriptor, SOL_UDP, UDP_GRO, 1), "setsockopt(UDP_GRO)");
    }

    public int Descriptor { get; }

    /// <summary>The socket's own address and port.</summary>
    public SockaddrIn* Name { get; }

    public void Dispose()
    {
        _ = Events.Close(Descriptor);
        _name.Dispose();
    }
}
