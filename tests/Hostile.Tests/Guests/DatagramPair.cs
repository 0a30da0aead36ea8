using RoceEngine.Wire;

namespace Hostile.Tests.Guests;

/// <summary>A UD queue pair of Mallory's, and one of her partner's that has receives posted.</summary>
internal sealed unsafe class DatagramPair
{
    public const uint QueueKey = 0x1111_2222;

    /// <summary>The QPN that means all members.</summary>
    public const uint GroupQpn = 0xFF_FFFF;

    private readonly Attack _attack;

    public DatagramPair(Attack attack)
    {
        _attack = attack;
        Sender = Create(attack.Here);
        Receiver = Create(attack.There);
        for (ulong id = 0; id < 4; id++)
        {
            Receiver.PostReceive(id, attack.There.Region.Sge((int)id * 8192, 8192));
            Sender.PostReceive(id, attack.Here.Region.Sge((int)id * 8192, 8192));
        }
    }

    public GuestQueuePair Sender { get; }

    public GuestQueuePair Receiver { get; }

    /// <summary>What the partner received since last asked.</summary>
    public List<PvrdmaCqe> Received => _attack.There.Cq.PollAll();

    /// <summary>A UD queue pair, ready to send.</summary>
    public static GuestQueuePair Create(DevicePair.Endpoint end)
    {
        GuestQueuePair qp = end.Guest.CreateQueuePair(end.Domain, end.Cq, end.Cq, request => request with { QpType = (byte)PvrdmaQpType.Ud });
        qp.OpenForDatagrams(QueueKey);
        return qp;
    }

    /// <summary>A signalled SEND to the partner's queue pair.</summary>
    public PvrdmaSendWqe Request(Gid? destination = null)
    {
        var head = new PvrdmaSendWqe
        {
            WorkRequestId = 8,
            Opcode = (uint)PvrdmaWrOpcode.Send,
            Flags = (uint)PvrdmaSendFlags.Signaled,
            SgeCount = 1,
            DatagramQpn = Receiver.Qpn,
            DatagramQkey = QueueKey,
        };
        head.DatagramAddress.PortAndPd = (1u << 24) | _attack.Here.Domain;
        head.DatagramAddress.HopLimit = 64;
        (destination ?? _attack.Partner.Device.Gid).Write(head.DatagramAddress.DestinationGid);
        return head;
    }

    /// <summary>Posts and runs; the completion of Mallory's send, whose own receives must stay what they are unless she sends to herself.</summary>
    public PvrdmaCqe Send(in PvrdmaSendWqe head, int bytes = 64)
    {
        Assert.True(Sender.TryWriteSend(head, [_attack.Here.Region.Sge(0, bytes)]));
        _attack.Mallory.RingSend(Sender);
        _attack.Arena.Run();
        return Assert.Single(_attack.Here.Cq.PollAll());
    }
}
