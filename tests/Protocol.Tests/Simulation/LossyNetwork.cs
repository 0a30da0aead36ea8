using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests.Simulation;

/// <summary>What a <see cref="LossyNetwork"/> does to packets, each with a probability.</summary>
internal sealed class Faults
{
    public double Loss { get; set; }

    public double Duplication { get; set; }

    public double Corruption { get; set; }

    /// <summary>Probability of a long delay, which puts a packet behind later ones.</summary>
    public double Reordering { get; set; }

    public long DelayNs { get; set; } = 2_000;

    public long ReorderingDelayNs { get; set; } = 60_000;

    /// <summary>Bytes that a way carries per ns; 0 for any number.</summary>
    public double BytesPerNs { get; set; }
}

/// <summary>
/// Carries packets between hosts in virtual time. Packets of the wire go through the real codec and a real ICRC, and lose, double,
/// overtake and break as the faults say; local runs are handed over as they are.
/// </summary>
internal sealed unsafe class LossyNetwork
{
    private readonly PriorityQueue<Flight, (long TimeNs, long Order)> _flights = new();
    private readonly Random _random;
    private readonly Dictionary<Route, long> _busyUntilNs = [];
    private long _order;

    public LossyNetwork(Random random) => _random = random;

    public Faults Faults { get; set; } = new();

    public long PacketsCarried { get; private set; }

    public long PacketsHarmed { get; private set; }

    public long NextArrivalNs => _flights.TryPeek(out _, out (long TimeNs, long) key) ? key.TimeNs : long.MaxValue;

    public void Send(in Packet packet, Route route, long nowNs)
    {
        PacketsCarried++;
        if (route.IsLocal)
        {
            // A run's payload is read where it lies, when it is delivered.
            Fly(new Flight(route, packet, CopySegments(packet), null), nowNs);
            return;
        }

        Assert.Equal(1, packet.PsnCount);
        byte[] datagram = Encode(packet, route);
        long leavesNs = Serialize(route, datagram.Length, nowNs);
        int copies = _random.NextDouble() < Faults.Duplication ? 2 : 1;
        for (int i = 0; i < copies; i++)
        {
            if (_random.NextDouble() < Faults.Loss)
            {
                PacketsHarmed++;
                continue;
            }

            byte[] bytes = datagram;
            if (_random.NextDouble() < Faults.Corruption)
            {
                PacketsHarmed++;
                bytes = (byte[])datagram.Clone();
                bytes[_random.Next(bytes.Length)] ^= (byte)(1 << _random.Next(8));
            }

            bool late = _random.NextDouble() < Faults.Reordering;
            Fly(new Flight(route, default, [], bytes), leavesNs + Faults.DelayNs + (late ? _random.NextInt64(Faults.ReorderingDelayNs) : 0));
        }
    }

    /// <summary>Hands over the next packet that has arrived by now; false when there is none.</summary>
    public bool Deliver(long nowNs, Action<Packet, Route> receive)
    {
        if (NextArrivalNs > nowNs)
        {
            return false;
        }

        Flight flight = _flights.Dequeue();
        if (flight.Datagram is null)
        {
            fixed (MemorySegment* segments = flight.Segments)
            {
                Packet packet = flight.Packet;
                packet.Segments = segments;
                receive(packet, flight.Route);
            }
        }
        else if (TryDecode(flight, out Packet packet, out int payloadAt))
        {
            fixed (byte* bytes = flight.Datagram)
            {
                var segment = new MemorySegment(bytes + payloadAt, packet.PayloadBytes);
                packet.Segments = &segment;
                packet.SegmentCount = packet.PayloadBytes == 0 ? 0 : 1;
                receive(packet, flight.Route);
            }
        }

        return true;
    }

    /// <summary>When the last byte of a datagram is on its way: after those before it.</summary>
    private long Serialize(Route route, int bytes, long nowNs)
    {
        if (Faults.BytesPerNs == 0)
        {
            return nowNs;
        }

        long beginsNs = Math.Max(nowNs, _busyUntilNs.GetValueOrDefault(route));
        return _busyUntilNs[route] = beginsNs + (long)(bytes / Faults.BytesPerNs);
    }

    private static MemorySegment[] CopySegments(in Packet packet) => new Span<MemorySegment>(packet.Segments, packet.SegmentCount).ToArray();

    private static byte[] Encode(in Packet packet, Route route)
    {
        byte[] datagram = new byte[PacketCodec.DatagramBytes(packet)];
        int at = PacketCodec.EncodeHeaders(packet, datagram);
        for (int i = 0; i < packet.SegmentCount; i++)
        {
            new ReadOnlySpan<byte>(packet.Segments[i].Address, packet.Segments[i].Bytes).CopyTo(datagram.AsSpan(at));
            at += packet.Segments[i].Bytes;
        }

        Icrc.Write(datagram.AsSpan(datagram.Length - Icrc.Length), Checksum(datagram, route));
        return datagram;
    }

    private static bool TryDecode(in Flight flight, out Packet packet, out int payloadAt)
    {
        byte[] datagram = flight.Datagram!;
        payloadAt = 0;
        if (!PacketCodec.TryDecode(datagram, out packet, out _)
            || Icrc.Read(datagram.AsSpan(datagram.Length - Icrc.Length)) != Icrc.Finish(Checksum(datagram, flight.Route)))
        {
            return false;
        }

        payloadAt = OpcodeTable.For(packet.Opcode).HeaderBytes;
        return true;
    }

    private static uint Checksum(byte[] datagram, Route route)
    {
        var pseudo = new IcrcPseudo(route.Source, route.Destination, 0xC000);
        return Icrc.Begin(pseudo, datagram.AsSpan(0, datagram.Length - Icrc.Length), datagram.Length);
    }

    private void Fly(in Flight flight, long arrivalNs) => _flights.Enqueue(flight, (arrivalNs, _order++));

    private readonly record struct Flight(Route Route, Packet Packet, MemorySegment[] Segments, byte[]? Datagram);
}
