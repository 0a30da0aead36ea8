using System.Net;
using System.Net.Sockets;
using RoceEngine.Wire;

namespace Transport.Tests;

/// <summary>An ordinary .NET socket on port 4791: what a peer sees of a link, datagram by datagram.</summary>
internal sealed class PlainSocket : IDisposable
{
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[65_536];

    public PlainSocket(Gid? address = null)
    {
        Address = address ?? TestAddresses.Next();
        _socket = new Socket(Address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        _socket.ReceiveBufferSize = 4 << 20;
        while (true)
        {
            try
            {
                _socket.Bind(new IPEndPoint(Address.ToIPAddress(), RoceUdp.Port));
                break;
            }
            catch (SocketException taken) when (address == null && taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                Address = TestAddresses.Next();
            }
        }
    }

    public Gid Address { get; private set; }

    public void Send(Gid destination, ReadOnlySpan<byte> datagram) =>
        _socket.SendTo(datagram, new IPEndPoint(destination.ToIPAddress(), RoceUdp.Port));

    /// <summary>
    /// That many datagrams, for which it waits (a loaded machine delivers what was sent a moment later), and no more.
    /// </summary>
    public List<byte[]> Receive(int count)
    {
        var datagrams = new List<byte[]>();
        long deadline = Environment.TickCount64 + 10_000;
        while (_socket.Poll(0, SelectMode.SelectRead) || (datagrams.Count < count && Environment.TickCount64 < deadline))
        {
            if (_socket.Poll(1_000, SelectMode.SelectRead))
                datagrams.Add(_buffer[.._socket.Receive(_buffer)]);
        }
        Assert.Equal(count, datagrams.Count);
        return datagrams;
    }

    public void Dispose() => _socket.Dispose();
}
