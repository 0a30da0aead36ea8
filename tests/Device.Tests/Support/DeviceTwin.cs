using RoceEngine.Abi;
using RoceEngine.Device;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Device.Tests;

/// <summary>Another host with a copy of a guest's memory.</summary>
internal sealed unsafe class DeviceTwin : IDisposable
{
    private readonly TestGuest _guest;
    private readonly GuestMemory _memory;
    private readonly byte[] _content;

    public DeviceTwin(TestGuest guest)
    {
        _guest = guest;
        _memory = new GuestMemory((int)(guest.Memory.Bytes / PvrdmaPageDirectory.PageBytes), scattered: false);
        _content = new ReadOnlySpan<byte>(guest.Memory.Start, (int)guest.Memory.Bytes).ToArray();
        NowNs = guest.NowNs;
        Restore();
    }

    public TestEnvironment Environment { get; private set; } = new();

    public long NowNs { get; }

    public void Restore()
    {
        _content.CopyTo(new Span<byte>(_memory.Start, _content.Length));
        Environment = new TestEnvironment();
    }

    public VrdmaDevice Load(byte[] state) => VrdmaDevice.FromState(
        _guest.Device.Options, _memory.Ram, Environment, _guest.UsesBitmap ? _memory.Start + (_guest.Control - _guest.Memory.Start) : null, state, NowNs);

    public void Dispose() => _memory.Dispose();

    /// <summary>Loads it; what loads works for a while, and ends. False when it was refused.</summary>
    public bool TryLive(byte[] state, Random random)
    {
        Restore();
        long before = GC.GetAllocatedBytesForCurrentThread();
        VrdmaDevice device;
        try
        {
            device = Load(state);
        }
        catch (StateException)
        {
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64L << 20);
            Assert.Empty(Environment.Groups);
            return false;
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64L << 20);
        long nowNs = NowNs;
        var sink = new ReadingSink();
        device.StartDirtyLog();
        device.Resume(nowNs);
        for (int i = 0; i < 12; i++)
        {
            nowNs += random.Next(1, 200_000_000);
            device.HarvestDoorbells(256, nowNs);
            device.HandleTimeouts(nowNs);
            device.Transmit(sink, 256, nowNs);
            foreach (QueuePairSnapshot qp in device.ListQueuePairs())
            {
                Deliver(device, qp, random, nowNs);
            }

            device.PublishCompletions();
        }

        _ = device.SaveState(nowNs);
        _ = device.TakeLastDirtyPages();
        _ = device.ListMemoryWindows();
        device.BreakQueuePairs(nowNs);
        device.PublishCompletions();
        device.Dispose();
        Assert.Empty(Environment.Groups);
        return true;
    }

    private static void Deliver(VrdmaDevice device, QueuePairSnapshot qp, Random random, long nowNs)
    {
        Opcode[] opcodes =
        [
            Opcode.RcAcknowledge, Opcode.RcReadResponseOnly, Opcode.RcAtomicAcknowledge, Opcode.RcSendMiddle, Opcode.RcSendLast, Opcode.RcWriteMiddle,
            Opcode.RcReadRequest, Opcode.UcSendMiddle, Opcode.UcSendLast, Opcode.UcWriteMiddle, Opcode.UdSendOnly,
        ];
        byte* payload = stackalloc byte[1024];
        var segment = new MemorySegment(payload, 1024);
        Opcode opcode = opcodes[random.Next(opcodes.Length)];
        bool isAnswer = (OpcodeTable.For(opcode).Traits & PacketTraits.Response) != 0;
        bool hasPayload = opcode is not (Opcode.RcAcknowledge or Opcode.RcAtomicAcknowledge or Opcode.RcReadRequest);
        var packet = new Packet
        {
            Opcode = opcode,
            Psn = isAnswer ? qp.Attributes.SendPsn - 1 - random.Next(3) : qp.Attributes.ReceivePsn + random.Next(2),
            PsnCount = 1,
            DestinationQpn = qp.Qpn,
            PartitionKey = 0xFFFF,
            PayloadBytes = hasPayload ? 1024 : 0,
            DmaLength = 64,
            QueueKey = 0x1111_2222,
            Syndrome = AethSyndrome.Ack().Value,
            Segments = &segment,
            SegmentCount = hasPayload ? 1 : 0,
        };
        device.HandlePacket(packet, qp.Attributes.DestinationGid, nowNs);
    }

    /// <summary>Reads all that is sent: memory that is not there would end the process.</summary>
    private sealed class ReadingSink : IPacketSink
    {
        private long _sum;

        public bool HasRoom => true;

        public void Emit(in Packet packet, Route route)
        {
            for (int i = 0; i < packet.SegmentCount; i++)
            {
                foreach (byte each in new ReadOnlySpan<byte>(packet.Segments[i].Address, packet.Segments[i].Bytes))
                {
                    _sum += each;
                }
            }
        }
    }
}
