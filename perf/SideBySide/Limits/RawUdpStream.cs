using System.Diagnostics;
using RoceEngine.Interop;
using static RoceEngine.Interop.SocketConstants;

namespace RoceEngine.SideBySide.Limits;

/// <summary>
/// One thread sends trains of equal datagrams (UDP_SEGMENT), another takes them (UDP_GRO). What arrives is counted; a window keeps the
/// sender from overrunning the receiver's buffer.
/// </summary>
internal sealed unsafe class RawUdpStream : IMeasurement
{
    private const int TrainsPerCall = 4;
    private const int BufferBytes = 65_536;
    private const long WindowBytes = 1 << 20;

    private readonly int _datagramBytes;
    private readonly int _trainDatagrams;
    private readonly double _countedPerDatagram;
    private readonly RawSocket _sender = new(LoopbackPlan.RawNear, useGro: false);
    private readonly RawSocket _receiver = new(LoopbackPlan.RawFar, useGro: true);
    private readonly AlignedMemory _payload = new(BufferBytes);
    private readonly AlignedMemory _buffers = new(TrainsPerCall * BufferBytes);
    private readonly AlignedMemory _control = new(4096);
    private long _arrived;

    /// <param name="datagramBytes">UDP payload of each datagram.</param>
    /// <param name="trainDatagrams">Datagrams of a train.</param>
    /// <param name="countedPerDatagram">What a datagram adds to the result, per second: its useful bytes / 10^9, say.</param>
    public RawUdpStream(int datagramBytes, int trainDatagrams, double countedPerDatagram)
    {
        _datagramBytes = datagramBytes;
        _trainDatagrams = trainDatagrams;
        _countedPerDatagram = countedPerDatagram;
    }

    public double Measure(double seconds)
    {
        using var receiver = new Partner("stream receiver", Receive);
        long arrivedBefore = Volatile.Read(ref _arrived);
        long begin = Stopwatch.GetTimestamp();
        long end = begin + (long)(seconds * Stopwatch.Frequency);
        MultipleMessageHeader* messages = stackalloc MultipleMessageHeader[TrainsPerCall];
        var vector = new IoVector { Base = _payload.Pointer, Length = (nuint)(_trainDatagrams * _datagramBytes) };
        Prepare(messages, &vector);

        long sent = arrivedBefore;
        long windowDatagrams = Math.Max(WindowBytes / _datagramBytes, 2 * TrainsPerCall * _trainDatagrams);
        while (Stopwatch.GetTimestamp() < end)
        {
            int trains = Sockets.SendMultiple(_sender.Descriptor, messages, TrainsPerCall, 0);
            sent += Math.Max(trains, 0) * _trainDatagrams;
            WaitForWindow(ref sent, windowDatagrams);
        }
        long datagrams = Volatile.Read(ref _arrived) - arrivedBefore;
        double elapsed = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        return datagrams * _countedPerDatagram / elapsed;
    }

    /// <summary>Waits for arrivals. When none come for a while the missing ones were dropped: the count starts anew.</summary>
    private void WaitForWindow(ref long sent, long windowDatagrams)
    {
        long lossDeadline = Stopwatch.GetTimestamp() + Stopwatch.Frequency / 20;
        var patience = new Patience(Patience.MemorySpins);
        while (sent - Volatile.Read(ref _arrived) > windowDatagrams)
        {
            patience.Wait();
            if (Stopwatch.GetTimestamp() > lossDeadline)
                sent = Volatile.Read(ref _arrived);
        }
    }

    private void Receive(Partner me)
    {
        MultipleMessageHeader* messages = stackalloc MultipleMessageHeader[TrainsPerCall];
        IoVector* vectors = stackalloc IoVector[TrainsPerCall];
        for (int i = 0; i < TrainsPerCall; i++)
        {
            vectors[i] = new IoVector { Base = _buffers.Pointer + i * BufferBytes, Length = BufferBytes };
            messages[i].Header = new MessageHeader { Vectors = &vectors[i], VectorCount = 1 };
        }
        var patience = new Patience(Patience.SystemCallSpins);
        while (!me.IsStopping)
        {
            int received = Sockets.ReceiveMultiple(_receiver.Descriptor, messages, TrainsPerCall, MSG_DONTWAIT, null);
            if (received <= 0)
            {
                patience.Wait();
                continue;
            }
            patience.Reset();
            for (int i = 0; i < received; i++)
                Volatile.Write(ref _arrived, _arrived + ((int)messages[i].Length + _datagramBytes - 1) / _datagramBytes);
        }
    }

    private void Prepare(MultipleMessageHeader* messages, IoVector* vector)
    {
        int controlBytes = ControlMessages.WriteUInt16(_control.Pointer, SOL_UDP, UDP_SEGMENT, (ushort)_datagramBytes);
        for (int i = 0; i < TrainsPerCall; i++)
        {
            messages[i].Header = new MessageHeader
            {
                Name = _receiver.Name,
                NameLength = (uint)sizeof(SockaddrIn),
                Vectors = vector,
                VectorCount = 1,
                Control = _control.Pointer,
                ControlLength = (nuint)controlBytes,
            };
        }
    }

    public void Dispose()
    {
        _sender.Dispose();
        _receiver.Dispose();
        _payload.Dispose();
        _buffers.Dispose();
        _control.Dispose();
    }
}
