using Hostile.Tests.Wire;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Hostile.Tests.Fuzzing;

/// <summary>A device under fuzzed commands, work requests and packets. Inputs are records, one after another; the last may be cut off.</summary>
internal static unsafe class DeviceFuzz
{
    /// <summary>Bytes of a command record: the command slot as it is, but for the command number, which is taken modulo the known ones.</summary>
    public const int CommandBytes = PvrdmaCommands.RequestBytesMax;

    /// <summary>Bytes of a work request record: a send slot of the queue.</summary>
    public const int WorkRequestBytes = 256;

    /// <summary>A command number, drawn from those that exist and some that do not.</summary>
    public static uint CommandNumber(uint drawn) => drawn % 32 < 24 ? drawn % 24 : 0x100 + (drawn % 8);

    public static void Commands(byte[] input)
    {
        using var target = new WireTarget();
        TestGuest guest = target.Guest;
        for (int at = 0; at < input.Length; at += CommandBytes)
        {
            var slot = new Span<byte>(guest.Memory.At(guest.CommandSlot), CommandBytes);
            slot.Clear();
            input.AsSpan(at, Math.Min(CommandBytes, input.Length - at)).CopyTo(slot);
            var header = (PvrdmaCommandHeader*)guest.Memory.At(guest.CommandSlot);
            header->Command = CommandNumber(header->Command);
            guest.Write(PvrdmaRegister.Request, 0);
            target.Turn();
        }

        AssertResets(guest);
    }

    public static void WorkRequests(byte[] input)
    {
        using var target = new WireTarget();
        int records = 0;
        for (int at = 0; at < input.Length && records < 64; at += WorkRequestBytes, records++)
        {
            var slot = new Span<byte>(target.Qp.SendSlot((uint)records), (int)PvrdmaWqeLayout.SendSlotBytes(4, target.Qp.Request.MaxInlineBytes));
            slot.Clear();
            input.AsSpan(at, Math.Min(slot.Length, input.Length - at)).CopyTo(slot);
        }

        PvrdmaRing.PublishProducer(&target.Qp.State->Send, (uint)records);
        target.Guest.RingSend(target.Qp);
        for (int turn = 0; turn < 8; turn++)
        {
            target.Turn();
        }

        FuzzTargets.Must(!target.Guest.Device.IsFatal, "a work request costs its queue at most");
        AssertResets(target.Guest);
    }

    /// <summary>Packets for a QP that waits for messages.</summary>
    public static void Responder(byte[] input)
    {
        TransportService service = (input.Length == 0 ? 0 : input[0] % 3) switch
        {
            1 => TransportService.UnreliableConnection,
            2 => TransportService.UnreliableDatagram,
            _ => TransportService.ReliableConnection,
        };
        using var target = new WireTarget(service);
        for (ulong id = 0; id < 8; id++)
        {
            target.Qp.TryWriteReceive(new PvrdmaReceiveWqe { WorkRequestId = id, SgeCount = 1 }, [target.Region.Sge((int)id * 1024, 1024)]);
        }

        Feed(target, input);
        FuzzTargets.Must(service == TransportService.ReliableConnection || target.State == QueuePairState.ReadyToSend, "unreliable QPs do not fail");
        AssertResets(target.Guest);
    }

    /// <summary>Packets for a QP that waits for answers: a WRITE, a READ and a SEND are under way.</summary>
    public static void Requester(byte[] input)
    {
        using var target = new WireTarget();
        target.Post(PvrdmaWrOpcode.RdmaWrite, 3000, id: 0);
        target.Post(PvrdmaWrOpcode.RdmaRead, 3000, id: 1);
        target.Post(PvrdmaWrOpcode.Send, 100, id: 2);
        Feed(target, input);

        // Each request completes at most once, in order.
        ulong next = 0;
        foreach (PvrdmaCqe entry in target.Queue.PollAll())
        {
            FuzzTargets.Must(entry.WorkRequestId == next++, "completions come once and in order");
        }

        AssertResets(target.Guest);
    }

    /// <summary>
    /// Records of two bytes of length and a datagram. The first byte of the BTH's QPN says whether the rest is the QP's own, so that
    /// an input need not guess what a peer knows; likewise the first bytes of PSN and key.
    /// </summary>
    private static void Feed(WireTarget target, byte[] input)
    {
        for (int at = 1; at + 2 <= input.Length;)
        {
            int bytes = Math.Min(input[at] | ((input[at + 1] & 0x0F) << 8), input.Length - at - 2);
            if (PacketCodec.TryDecode(input.AsSpan(at + 2, bytes), out Packet packet, out _))
            {
                packet.PartitionKey = packet.PartitionKey == 0 ? (ushort)0xFFFF : packet.PartitionKey;
                packet.DestinationQpn = packet.DestinationQpn < 0x80_0000 ? target.Qp.Qpn : packet.DestinationQpn;
                packet.Psn = packet.Psn.Value < 0x80_0000 ? new Psn(WireTarget.FirstPsn + (packet.Psn.Value & 15)) : packet.Psn;
                packet.RemoteKey = packet.RemoteKey < 0x8000_0000 ? target.Region.Key : packet.RemoteKey;
                packet.QueueKey = packet.QueueKey < 0x8000_0000 ? WireTarget.QueueKey : packet.QueueKey;
                target.Receive(packet);
            }

            if ((input[at + 1] & 0x80) != 0)
            {
                target.Turn();
            }

            at += 2 + bytes;
        }

        target.Turn();
        FuzzTargets.Must(!target.Guest.Device.IsFatal, "a packet costs its QP at most");
    }

    private static void AssertResets(TestGuest guest)
    {
        guest.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
        VrdmaDevice device = guest.Device;
        FuzzTargets.Must(
            device.QueuePairCount + device.CompletionQueueCount + device.MemoryRegionCount + device.ProtectionDomainCount + device.PinnedPages == 0,
            "a reset leaves nothing");
        FuzzTargets.Must(!device.HasTransmits && device.NextDeadlineNs == long.MaxValue, "a reset leaves nothing to do");
    }
}
