using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using RoceEngine.PerfTool.Options;

namespace RoceEngine.PerfTool.Exchange;

/// <summary>Messages over TCP: a length of four bytes, most significant first, then JSON in UTF-8.</summary>
internal sealed class TcpPeerChannel : IPeerChannel
{
    private const int LengthBytes = 4;

    /// <summary>A message is never longer: 16384 queue pairs fit.</summary>
    private const int MaximumMessageBytes = 4 << 20;

    /// <summary>Milliseconds between attempts to connect to a server that is not there yet.</summary>
    private const int ConnectRetryMs = 50;

    private readonly Socket _socket;
    private byte[] _received = new byte[4096];
    private int _receivedBytes;

    public TcpPeerChannel(Socket socket)
    {
        _socket = socket;
        _socket.NoDelay = true;
    }

    /// <summary>Listens on all addresses and takes one client.</summary>
    /// <exception cref="PeerException">The port cannot be listened on.</exception>
    public static TcpPeerChannel Accept(int port)
    {
        try
        {
            using Socket listener = new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
            listener.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            listener.Listen(1);
            return new TcpPeerChannel(listener.Accept());
        }
        catch (SocketException exception)
        {
            throw new PeerException($"cannot listen on TCP port {port}: {exception.Message}");
        }
    }

    /// <summary>Connects to a server, for a while also to one that is still starting.</summary>
    /// <exception cref="PeerException">There is none.</exception>
    /// <exception cref="UsageException">No host has that name.</exception>
    public static TcpPeerChannel Connect(string host, int port, TimeSpan patience)
    {
        long deadline = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        while (true)
        {
            Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect(host, port);
                return new TcpPeerChannel(socket);
            }
            catch (SocketException exception)
            {
                socket.Dispose();
                if (exception.SocketErrorCode is SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain)
                    throw new UsageException($"host '{host}' is not known: {exception.Message}");
                if (exception.SocketErrorCode != SocketError.ConnectionRefused || Environment.TickCount64 >= deadline)
                    throw new PeerException($"cannot connect to {host} port {port}: {exception.Message}");
                Thread.Sleep(ConnectRetryMs);
            }
        }
    }

    public void Send(PeerMessage message)
    {
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(message, PeerJson.Default.PeerMessage);
        byte[] frame = new byte[LengthBytes + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, body.Length);
        body.CopyTo(frame, LengthBytes);
        try
        {
            for (int sent = 0; sent < frame.Length;)
                sent += _socket.Send(frame.AsSpan(sent));
        }
        catch (SocketException)
        {
            throw Closed();
        }
    }

    public PeerMessage? TryReceive(int waitMs)
    {
        while (true)
        {
            if (TryTakeFrame() is { } message)
                return message;
            try
            {
                if (!_socket.Poll(waitMs * 1000, SelectMode.SelectRead))
                    return null;
                if (_receivedBytes == _received.Length)
                    Array.Resize(ref _received, _received.Length * 2);
                int bytes = _socket.Receive(_received.AsSpan(_receivedBytes));
                if (bytes == 0)
                    throw Closed();
                _receivedBytes += bytes;
            }
            catch (SocketException)
            {
                throw Closed();
            }
        }
    }

    public void Dispose() => _socket.Dispose();

    private PeerMessage? TryTakeFrame()
    {
        if (_receivedBytes < LengthBytes)
            return null;
        int length = BinaryPrimitives.ReadInt32BigEndian(_received);
        if (length is <= 0 or > MaximumMessageBytes)
            throw new PeerException($"the other side does not speak {PeerProtocol.Name}");
        if (_receivedBytes < LengthBytes + length)
            return null;

        PeerMessage? message = Parse(_received.AsSpan(LengthBytes, length));
        int used = LengthBytes + length;
        _received.AsSpan(used, _receivedBytes - used).CopyTo(_received);
        _receivedBytes -= used;
        return message;
    }

    private static PeerMessage Parse(ReadOnlySpan<byte> body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, PeerJson.Default.PeerMessage)
                ?? throw new PeerException($"the other side does not speak {PeerProtocol.Name}");
        }
        catch (JsonException)
        {
            throw new PeerException($"the other side does not speak {PeerProtocol.Name}");
        }
    }

    private static PeerException Closed() => new("the other side closed the connection") { IsEcho = true };
}
