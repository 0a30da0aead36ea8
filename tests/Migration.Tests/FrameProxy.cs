using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Migration.Tests;

/// <summary>
/// Stands between two daemons that talk without TLS, and sees every frame. Just before one of a chosen type would pass, something is done,
/// and then the connection is cut, falls silent though it stays open, or goes on.
/// </summary>
internal sealed class FrameProxy : IDisposable
{
    private const int GreetingBytes = 14;
    private const int HeaderBytes = 8;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ushort _type;
    private readonly Action _before;
    private readonly bool _cuts;
    private readonly bool _silences;
    private volatile bool _isSilent;
    private TcpClient? _caller;
    private TcpClient? _called;

    public FrameProxy(int port, ushort type, Action before, bool cuts, bool silences = false)
    {
        _silences = silences;
        _type = type;
        _before = before;
        _cuts = cuts;
        _listener.Start();
        _ = Task.Run(() => ServeAsync(port));
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Frames of the chosen type that came.</summary>
    public int Seen { get; private set; }

    public void Dispose()
    {
        _listener.Stop();
        _caller?.Dispose();
        _called?.Dispose();
    }

    private async Task ServeAsync(int port)
    {
        _caller = await _listener.AcceptTcpClientAsync();
        _called = new TcpClient();
        await _called.ConnectAsync(IPAddress.Loopback, port);
        _caller.NoDelay = _called.NoDelay = true;
        _ = PumpAsync(_caller.GetStream(), _called.GetStream());
        _ = PumpAsync(_called.GetStream(), _caller.GetStream());
    }

    private async Task PumpAsync(NetworkStream from, NetworkStream to)
    {
        try
        {
            byte[] head = new byte[GreetingBytes];
            await from.ReadExactlyAsync(head);
            await to.WriteAsync(head);
            await PassAsync(from, to, BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(12)));
            while (true)
            {
                await from.ReadExactlyAsync(head.AsMemory(0, HeaderBytes));
                if (BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(4)) == _type && Seen++ == 0)
                {
                    _before();
                    if (_cuts)
                        throw new IOException("cut");
                    _isSilent |= _silences;
                }
                if (_isSilent)
                    return;
                await to.WriteAsync(head.AsMemory(0, HeaderBytes));
                await PassAsync(from, to, BinaryPrimitives.ReadInt32LittleEndian(head));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
        {
            Dispose();
        }
    }

    private static async Task PassAsync(NetworkStream from, NetworkStream to, int bytes)
    {
        byte[] content = new byte[bytes];
        await from.ReadExactlyAsync(content);
        await to.WriteAsync(content);
    }
}
