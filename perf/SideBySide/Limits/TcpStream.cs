using System.Diagnostics;
using System.Net.Sockets;

namespace RoceEngine.SideBySide.Limits;

/// <summary>Messages of one size down a TCP connection, one thread to each end, in GB/s of what arrived.</summary>
internal sealed class TcpStream(int messageBytes) : IMeasurement
{
    private const int PieceBytesMin = 256 << 10;

    private long _arrived;

    public double Measure(double seconds)
    {
        using var pair = new TcpPair();
        Volatile.Write(ref _arrived, 0);
        byte[] message = GC.AllocateUninitializedArray<byte>(messageBytes, pinned: true);
        long begin = Stopwatch.GetTimestamp();
        long end = begin + (long)(seconds * Stopwatch.Frequency);
        using var receiver = new Partner("TCP receiver", _ => Receive(pair.Far));
        while (Stopwatch.GetTimestamp() < end)
        {
            for (int sent = 0; sent < messageBytes;)
                sent += pair.Near.Send(message, sent, messageBytes - sent, SocketFlags.None);
        }
        double result = Volatile.Read(ref _arrived) / Stopwatch.GetElapsedTime(begin).TotalSeconds / 1e9;
        pair.Near.Shutdown(SocketShutdown.Send);
        return result;
    }

    private void Receive(Socket from)
    {
        byte[] buffer = GC.AllocateUninitializedArray<byte>(Math.Max(messageBytes, PieceBytesMin), pinned: true);
        for (int received; (received = from.Receive(buffer)) > 0;)
            Volatile.Write(ref _arrived, _arrived + received);
    }

    public void Dispose()
    {
    }
}
