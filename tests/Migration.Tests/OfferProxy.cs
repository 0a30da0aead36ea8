using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Migration.Tests;

/// <summary>Stands between two daemons that talk without TLS, and writes something else into the offer of a device.</summary>
internal sealed class OfferProxy : IDisposable
{
    private const int GreetingBytes = 14;
    private const int HeaderBytes = 8;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public OfferProxy(int port, string said, string instead)
    {
        _listener.Start();
        _ = Task.Run(() => ServeAsync(port, said, instead));
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Dispose() => _listener.Dispose();

    private async Task ServeAsync(int port, string said, string instead)
    {
        using TcpClient caller = await _listener.AcceptTcpClientAsync();
        using var called = new TcpClient();
        await called.ConnectAsync(IPAddress.Loopback, port);
        NetworkStream from = caller.GetStream();
        NetworkStream to = called.GetStream();
        Task answers = to.CopyToAsync(from);
        byte[] greeting = await ReadAsync(from, GreetingBytes);
        await to.WriteAsync(greeting);
        await to.WriteAsync(await ReadAsync(from, BinaryPrimitives.ReadUInt16LittleEndian(greeting.AsSpan(12))));
        byte[] header = await ReadAsync(from, HeaderBytes);
        string offer = Encoding.UTF8.GetString(await ReadAsync(from, BinaryPrimitives.ReadInt32LittleEndian(header)));
        byte[] content = Encoding.UTF8.GetBytes(offer.Replace(said, instead, StringComparison.Ordinal));
        BinaryPrimitives.WriteInt32LittleEndian(header, content.Length);
        await to.WriteAsync(header);
        await to.WriteAsync(content);
        await answers;
    }

    private static async Task<byte[]> ReadAsync(NetworkStream from, int bytes)
    {
        byte[] content = new byte[bytes];
        await from.ReadExactlyAsync(content);
        return content;
    }
}
