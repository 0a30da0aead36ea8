using System.Net.Sockets;

namespace RoceEngine.SideBySide.Limits;

/// <summary>Half of a round trip of a message over TCP between two threads that spin on their sockets. In µs.</summary>
internal sealed class TcpPingPong(int messageBytes) : IMeasurement
{
    private const int RoundTripsPerBatch = 16;

    private readonly TcpPair _pair = new();
    private readonly byte[] _near = GC.AllocateUninitializedArray<byte>(messageBytes, pinned: true);
    private readonly byte[] _far = GC.AllocateUninitializedArray<byte>(messageBytes, pinned: true);

    public double Measure(double seconds)
    {
        _pair.Near.Blocking = _pair.Far.Blocking = false;
        using var partner = new Partner("TCP partner", Echo);
        var timer = new BatchTimer(seconds);
        do
        {
            for (int i = 0; i < RoundTripsPerBatch; i++)
            {
                Send(_pair.Near, _near);
                if (!TryReceive(_pair.Near, _near, () => partner.HasEnded))
                    return double.NaN;
            }
        }
        while (timer.Next());
        return timer.MedianSeconds / RoundTripsPerBatch / 2 * 1e6;
    }

    private void Echo(Partner me)
    {
        Func<bool> isStopping = () => me.IsStopping;
        while (TryReceive(_pair.Far, _far, isStopping))
            Send(_pair.Far, _far);
    }

    private static void Send(Socket socket, byte[] message)
    {
        for (int sent = 0; sent < message.Length;)
        {
            sent += socket.Send(message, sent, message.Length - sent, SocketFlags.None, out SocketError error);
            if (error is not (SocketError.Success or SocketError.WouldBlock))
                throw new InvalidOperationException($"TCP: {error}");
        }
    }

    private static bool TryReceive(Socket socket, byte[] message, Func<bool> isStopping)
    {
        var patience = new Patience(Patience.SystemCallSpins);
        for (int received = 0; received < message.Length;)
        {
            received += socket.Receive(message, received, message.Length - received, SocketFlags.None, out SocketError error);
            if (error == SocketError.Success)
                continue;
            if (error != SocketError.WouldBlock)
                throw new InvalidOperationException($"TCP: {error}");
            if (isStopping())
                return false;
            patience.Wait();
        }
        return true;
    }

    public void Dispose() => _pair.Dispose();
}
