using System.Diagnostics;
using RoceEngine.Interop;
using static RoceEngine.Interop.SocketConstants;

namespace RoceEngine.SideBySide.Limits;

/// <summary>
/// Half of a round trip of a message between two threads that spin on their sockets: one datagram, or trains of equal ones (UDP_SEGMENT) where the
/// message is longer than a datagram. In µs.
/// </summary>
/// <param name="messageBytes">Bytes of the message, headers included; a multiple of <paramref name="datagramBytes"/> when longer.</param>
/// <param name="datagramBytes">UDP payload of a datagram at most.</param>
internal sealed unsafe class RawUdpPingPong(int messageBytes, int datagramBytes) : IMeasurement
{
    private const int RoundTripsPerBatch = 16;
    private const int BufferBytes = 65_536;
    private const int TrainDatagramsMax = 15;
    private const double LossSeconds = 2;

    private readonly RawSocket _near = new(LoopbackPlan.RawNear, useGro: true);
    private readonly RawSocket _far = new(LoopbackPlan.RawFar, useGro: true);
    private readonly AlignedMemory _nearBuffer = new(BufferBytes);
    private readonly AlignedMemory _farBuffer = new(BufferBytes);
    private readonly AlignedMemory _control = new(4096);

    public double Measure(double seconds)
    {
        using var partner = new Partner("datagram partner", Echo);
        var timer = new BatchTimer(seconds);
        do
        {
            for (int i = 0; i < RoundTripsPerBatch; i++)
            {
                Send(_near, _far, _nearBuffer);
                if (!TryReceive(_near, _nearBuffer))
                    throw new InvalidOperationException("raw datagrams were lost: the socket's buffer is too small for the message");
            }
        }
        while (timer.Next());
        return timer.MedianSeconds / RoundTripsPerBatch / 2 * 1e6;
    }

    private void Echo(Partner me)
    {
        while (!me.IsStopping)
        {
            if (TryReceive(_far, _farBuffer, me))
                Send(_far, _near, _farBuffer);
        }
    }

    private void Send(RawSocket from, RawSocket to, AlignedMemory buffer)
    {
        if (messageBytes <= datagramBytes)
        {
            _ = Sockets.SendTo(from.Descriptor, buffer.Pointer, (nuint)messageBytes, 0, to.Name, (uint)sizeof(SockaddrIn));
            return;
        }
        int controlBytes = ControlMessages.WriteUInt16(_control.Pointer, SOL_UDP, UDP_SEGMENT, (ushort)datagramBytes);
        MultipleMessageHeader message = default;
        IoVector vector = default;
        vector.Base = buffer.Pointer;
        message.Header = new MessageHeader
        {
            Name = to.Name,
            NameLength = (uint)sizeof(SockaddrIn),
            Vectors = &vector,
            VectorCount = 1,
            Control = _control.Pointer,
            ControlLength = (nuint)controlBytes,
        };
        for (int sent = 0; sent < messageBytes;)
        {
            vector.Length = (nuint)Math.Min(TrainDatagramsMax * datagramBytes, messageBytes - sent);
            if (Sockets.SendMultiple(from.Descriptor, &message, 1, 0) == 1)
                sent += (int)vector.Length;
        }
    }

    /// <summary>Waits for the whole message. False when told to stop, or without a partner to ask when nothing comes for two seconds.</summary>
    private bool TryReceive(RawSocket socket, AlignedMemory buffer, Partner? me = null)
    {
        var patience = new Patience(Patience.SystemCallSpins);
        long begin = Stopwatch.GetTimestamp();
        for (long received = 0; received < messageBytes;)
        {
            nint bytes = Sockets.Receive(socket.Descriptor, buffer.Pointer, BufferBytes, 0);
            if (bytes > 0)
            {
                received += bytes;
                continue;
            }
            patience.Wait();
            if (me is { IsStopping: true } || (me is null && Stopwatch.GetElapsedTime(begin).TotalSeconds > LossSeconds))
                return false;
        }
        return true;
    }

    public void Dispose()
    {
        _near.Dispose();
        _far.Dispose();
        _nearBuffer.Dispose();
        _farBuffer.Dispose();
        _control.Dispose();
    }
}
