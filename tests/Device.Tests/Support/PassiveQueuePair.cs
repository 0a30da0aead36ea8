using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Device.Tests;

/// <summary>A queue pair of any service that does nothing by itself: it records what the device gives it, and a test calls the device in its name.</summary>
internal sealed class PassiveQueuePair(IQueuePairHost host, in QueuePairConfig config) : QueuePair(host, config)
{
    private QueuePairState _state;

    public override QueuePairState State => _state;

    /// <summary>Datagrams handed over, with the address that each was sent to.</summary>
    public List<(Opcode Opcode, Gid Source, Gid Destination)> Datagrams { get; } = [];

    public int Packets { get; private set; }

    /// <summary>A creator for all services that puts what it makes into a list.</summary>
    public static RoceEngine.Device.QueuePairCreator Into(List<PassiveQueuePair> made) =>
        (IQueuePairHost host, in QueuePairConfig config, ProtocolResources _, out QueuePair? queuePair) =>
        {
            var passive = new PassiveQueuePair(host, config);
            made.Add(passive);
            queuePair = passive;
            return true;
        };

    public override int Modify(in QueuePairAttributes attributes, QueuePairAttributeMask mask, long nowNs)
    {
        _state = (mask & QueuePairAttributeMask.State) != 0 ? attributes.State : _state;
        return 0;
    }

    public override void Query(out QueuePairAttributes attributes) => attributes = new QueuePairAttributes { State = _state };

    public override void HandleSendDoorbell(long nowNs)
    {
    }

    public override void HandleReceiveDoorbell(long nowNs)
    {
    }

    public override void HandlePacket(in Packet packet, in Gid source, long nowNs) => Packets++;

    public override void HandleDatagram(in Packet packet, in Gid source, in Gid destination, long nowNs) =>
        Datagrams.Add((packet.Opcode, source, destination));

    public override void HandleTimeout(long nowNs)
    {
    }

    public override bool PollTransmit(IPacketSink sink, int packetBudget, long nowNs) => false;

    public override void Resume(long nowNs)
    {
    }

    public override void Transfer(StateCursor state)
    {
    }

    public override void Destroy()
    {
    }
}
