using RoceEngine.Interop;

namespace RoceEngine.SideBySide.Limits;

/// <summary>Half of a round trip of one small datagram between two threads that spin on their sockets. In µs.</summary>
internal sealed unsafe class RawUdpPingPong(int datagramBytes) : IMeasurement
{
    private const int RoundTripsPerBatch = 16;

    private readonly RawSocket _near = new(LoopbackPlan.RawNear, useGro: true);
    private readonly RawSocket _far = new(LoopbackPlan.RawFar, useGro: true);
    private readonly AlignedMemory _nearBuffer = new(4096);
    private readonly AlignedMemory _farBuffer = new(4096);

    public double Measure(double seconds)
    {
        using var partner = new Partner("datagram partner", Echo);
        var timer = new BatchTimer(seconds);
        do
        {
            for (int i = 0; i < RoundTripsPerBatch; i++)
            {
                Send(_near, _far, _nearBuffer);
                var patience = new Patience(Patience.SystemCallSpins);
                while (!TryReceive(_near, _nearBuffer))
                    patience.Wait();
            }
        }
        while (timer.Next());
        return timer.MedianSeconds / RoundTripsPerBatch / 2 * 1e6;
    }

    private void Echo(Partner me)
    {
        var patience = new Patience(Patience.SystemCallSpins);
        while (!me.IsStopping)
        {
            if (!TryReceive(_far, _farBuffer))
            {
                patience.Wait();
                continue;
            }
            Send(_far, _near, _farBuffer);
            patience.Reset();
        }
    }

    private void Send(RawSocket from, RawSocket to, AlignedMemory buffer) =>
        Sockets.SendTo(from.Descriptor, buffer.Pointer, (nuint)datagramBytes, 0, to.Name, (uint)sizeof(SockaddrIn));

    private static bool TryReceive(RawSocket socket, AlignedMemory buffer) =>
        Sockets.Receive(socket.Descriptor, buffer.Pointer, (nuint)buffer.Bytes, 0) > 0;

    public void Dispose()
    {
        _near.Dispose();
        _far.Dispose();
        _nearBuffer.Dispose();
        _farBuffer.Dispose();
    }
}
