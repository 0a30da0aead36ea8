using RoceEngine.Abi;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <content>The steps of a worker's turn.</content>
public sealed unsafe partial class VrdmaDevice
{
    /// <summary>
    /// Packets that one QP may send before the next one's turn: a full GSO train, so that many QPs do not cut each other's trains to pieces.
    /// </summary>
    private const int TransmitQuantumPackets = 64;

    /// <summary>Destination QPN of multicast datagrams. IBTA vol. 1, 3.5.3.</summary>
    private const uint MulticastQpn = 0xFF_FFFF;

    // The three high bits of an opcode are the transport service. IBTA vol. 1, table 38.
    private const int OpcodeServiceShift = 5;
    private const int DatagramService = (int)Opcode.UdSendOnly >> OpcodeServiceShift;

    private readonly CountingSink _sink = new();

    /// <summary>A packet for this device's address, from <paramref name="source"/>.</summary>
    public void HandlePacket(in Packet packet, in Gid source, long nowNs) => HandlePacket(packet, source, _core.Options.Gid, nowNs);

    /// <summary>A packet to <paramref name="destination"/>: this device's address, or a multicast group that it joined.</summary>
    public void HandlePacket(in Packet packet, in Gid source, in Gid destination, long nowNs)
    {
        if (!IsActive || IsFatal)
        {
            return;
        }

        _core.NowNs = nowNs;
        if (packet.DestinationQpn == MulticastQpn || destination.IsMulticast)
        {
            DeliverToGroup(packet, source, destination, nowNs);
            return;
        }

        DeviceQueuePair? qp = _core.Objects.QueuePairNumbers.Find(packet.DestinationQpn);
        if (qp is null)
        {
            _core.Statistics.UnknownQpnPackets++;
            return;
        }

        Count(packet);
        if (IsDatagram(packet))
        {
            qp.Protocol.HandleDatagram(packet, source, destination, nowNs);
        }
        else
        {
            qp.Protocol.HandlePacket(packet, source, nowNs);
        }
    }

    /// <inheritdoc cref="IPacketReceiver.TryFindPlace"/>
    public bool TryFindPlace(ref Packet run, in Gid source, in Gid destination) =>
        IsActive && !IsFatal && destination == _core.Options.Gid
        && _core.Objects.QueuePairNumbers.Find(run.DestinationQpn) is { } qp
        && qp.Protocol.TryFindPlace(ref run, source);

    /// <summary>A copy for each member of the group. IBTA vol. 1, 9.8.3.3: only datagrams, and only to the multicast QPN.</summary>
    private void DeliverToGroup(in Packet packet, in Gid source, in Gid destination, long nowNs)
    {
        List<DeviceQueuePair>? members = _core.Multicast.Find(destination);
        if (members is null || packet.DestinationQpn != MulticastQpn || !IsDatagram(packet))
        {
            _core.Statistics.UnknownGroupPackets++;
            return;
        }

        foreach (DeviceQueuePair qp in members)
        {
            Count(packet);
            qp.Protocol.HandleDatagram(packet, source, destination, nowNs);
        }
    }

    private static bool IsDatagram(in Packet packet) => ((int)packet.Opcode >> OpcodeServiceShift) == DatagramService;

    private void Count(in Packet packet)
    {
        _core.Statistics.ReceivedPackets += (uint)Math.Max(packet.PsnCount, 1);
        _core.Statistics.ReceivedBytes += (uint)packet.PayloadBytes;
    }

    /// <summary>
    /// Lets the QPs that have something to send emit up to about <paramref name="packetBudget"/> packets, in turn. Returns true when more could
    /// be sent at once.
    /// </summary>
    public bool Transmit(IPacketSink sink, int packetBudget, long nowNs)
    {
        if (_core.Transmits.IsEmpty)
        {
            return false;
        }

        _core.NowNs = nowNs;
        _sink.Begin(sink);
        while (!_core.Transmits.IsEmpty && _sink.Packets < packetBudget && sink.HasRoom)
        {
            DeviceQueuePair qp = _core.Transmits.TakeFirst();
            int quantum = Math.Min(TransmitQuantumPackets, packetBudget - _sink.Packets);
            if (qp.Protocol.PollTransmit(_sink, quantum, nowNs))
            {
                _core.Transmits.Append(qp);
            }
        }

        _core.Statistics.TransmittedPackets += (ulong)_sink.PsnCount;
        _core.Statistics.TransmittedBytes += (ulong)_sink.Bytes;
        _sink.End();
        return !_core.Transmits.IsEmpty;
    }

    /// <summary>Serves the QPs whose deadline has come.</summary>
    public void HandleTimeouts(long nowNs)
    {
        // At most as many as wait now: a QP that names a time already past is served next turn.
        for (int budget = _core.Deadlines.Count; budget > 0 && _core.Deadlines.PopDue(nowNs) is { } qp; budget--)
        {
            _core.NowNs = nowNs;
            _core.Statistics.Timeouts++;
            qp.HandleTimeout(nowNs);
        }
    }

    /// <summary>
    /// End of a turn: publishes the completions, one fence, looks which CQs are armed, fills the device rings, raises interrupts. Also the
    /// end of what went wrong in the turn. False when there was nothing to tell the guest.
    /// </summary>
    public bool PublishCompletions()
    {
        _core.Failures.Process();
        bool hasNews = _core.Completions.HasWork;
        _core.Completions.Publish();
        if (_core.Events.HasWork)
        {
            hasNews = true;
            _core.Events.Flush();
            MirrorRegisters();
        }

        if (_core.Events.IsBroken)
        {
            Fail("consumer index of the event ring or of the notification ring is impossible");
        }

        return hasNews;
    }

    /// <summary>Counts what passes on its way to a link.</summary>
    private sealed class CountingSink : IPacketSink
    {
        private IPacketSink? _inner;

        public int Packets { get; private set; }

        public long PsnCount { get; private set; }

        public long Bytes { get; private set; }

        public bool HasRoom => _inner!.HasRoom;

        public int RunPackets(Route route, int payloadBytes) => _inner!.RunPackets(route, payloadBytes);

        public void Begin(IPacketSink inner)
        {
            _inner = inner;
            Packets = 0;
            PsnCount = 0;
            Bytes = 0;
        }

        public void End() => _inner = null;

        public void Emit(in Packet packet, Route route)
        {
            int psns = Math.Max(packet.PsnCount, 1);
            Packets += route.IsLocal ? 1 : psns;
            PsnCount += psns;
            Bytes += packet.PayloadBytes;
            _inner!.Emit(packet, route);
        }
    }
}
