using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using RoceEngine.Interop;
using static RoceEngine.Interop.PacketConstants;

namespace Addresses.Tests;

/// <summary>Sees every Ethernet frame that an interface of the calling thread's namespace receives.</summary>
internal sealed unsafe class FrameTap : IDisposable
{
    private readonly byte[] _buffer = new byte[2048];
    private readonly int _socket = SystemCallException.Check(
        Sockets.Create(AF_PACKET, SocketConstants.SOCK_RAW | SocketConstants.SOCK_CLOEXEC, BinaryPrimitives.ReverseEndianness(ETH_P_ALL)),
        "socket");

    /// <summary>The next frame that is wanted, within the time.</summary>
    public bool TryTake(Func<byte[], bool> isWanted, int timeoutMs, [NotNullWhen(true)] out byte[]? frame)
    {
        long deadline = Environment.TickCount64 + timeoutMs;
        while (true)
        {
            long leftMs = deadline - Environment.TickCount64;
            Span<PollDescriptor> polled = [new PollDescriptor { Descriptor = _socket, Events = PollDescriptor.POLLIN }];
            frame = null;
            if (Events.Wait(polled, Math.Max(leftMs, 0) * 1_000_000) == 0)
            {
                if (leftMs <= 0)
                    return false;
                continue;
            }
            fixed (byte* buffer = _buffer)
                frame = _buffer[..(int)SystemCallException.Check(Sockets.Receive(_socket, buffer, (nuint)_buffer.Length, 0), "recv")];
            if (isWanted(frame))
                return true;
        }
    }

    public void Dispose() => Events.Close(_socket);
}
