using RoceEngine.Protocol.Tests.Simulation;

namespace RoceEngine.Protocol.Tests;

/// <summary>The datapath allocates nothing, and an idle QP costs little.</summary>
public class AllocationTests
{
    [Theory]
    [InlineData(WorkOpcode.Write, 64u, false)]
    [InlineData(WorkOpcode.Write, 100_000u, false)]
    [InlineData(WorkOpcode.Write, 100_000u, true)]
    [InlineData(WorkOpcode.Send, 3000u, false)]
    [InlineData(WorkOpcode.Read, 100_000u, false)]
    [InlineData(WorkOpcode.Read, 64u, true)]
    [InlineData(WorkOpcode.FetchAdd, 8u, false)]
    public void A_request_and_its_answer_allocate_nothing(WorkOpcode opcode, uint bytes, bool local)
    {
        var duo = new Duo(new DuoOptions { IsLocal = local, PathMtuBytes = 4096 });
        SendWorkRequest request = Requests.Make(opcode, 1, duo.A.Memory.BaseAddress, bytes, duo.LocalKey) with
        {
            RemoteAddress = duo.B.Memory.BaseAddress, RemoteKey = duo.RemoteKey,
        };
        Converse(duo, request, 200);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Converse(duo, request, 200);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(0, allocated);
        Assert.Equal(400, duo.FirstRings.SendsDone.Count);
    }

    [Fact]
    public void An_idle_connected_qp_costs_less_than_a_kibibyte_beside_its_rings()
    {
        var host = new FakeHost(default, new FlatMemory(1));
        var config = new QueuePairConfig(TransportService.ReliableConnection, 1, 128, 128, 4, 4, true, false);
        var qps = new QueuePair[1000];
        var rings = new Rings();
        Create(host, config, qps, 0, 10, rings);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Create(host, config, qps, 10, qps.Length, rings);
        long each = (GC.GetAllocatedBytesForCurrentThread() - before) / (qps.Length - 10);
        Assert.InRange(each, 1, 1024);
        Assert.Equal(0, host.Resources.SlotsInUse);
        Assert.InRange(host.Resources.SlotMemoryBytes, 0, 64 * 1024);
    }

    [Fact]
    public void Slots_are_given_back_when_the_queues_are_idle()
    {
        var duo = new Duo(new DuoOptions { MaxRdAtomic = 1 });
        for (ulong id = 0; id < 1000; id++)
        {
            duo.FirstRings.Sends.Enqueue(Requests.Write(id, duo.A.Memory.BaseAddress, 8, duo.LocalKey, duo.B.Memory.BaseAddress, duo.RemoteKey));
        }

        duo.First.HandleSendDoorbell(duo.NowNs);
        while (duo.A.Scheduled.Count > 0)
        {
            duo.PollA();
            if (duo.FromA.Count > 200)
            {
                duo.FromA.Clear();
            }
        }

        Assert.Equal(1000, duo.A.Resources.SlotsInUse);
        long busy = duo.A.Resources.SlotMemoryBytes;
        duo.FromA.Clear();
        while (duo.FirstRings.SendsDone.Count < 1000)
        {
            duo.Settle();
            duo.PassTime();
        }

        Assert.Equal(0, duo.A.Resources.SlotsInUse);
        Assert.True(duo.A.Resources.SlotMemoryBytes * 8 < busy, "the memory of a thousand requests is kept for none");
    }

    private static void Create(FakeHost host, in QueuePairConfig config, QueuePair[] into, int from, int to, Rings rings)
    {
        var options = new DuoOptions();
        var sink = new NullSink();
        for (int i = from; i < to; i++)
        {
            into[i] = QueuePairFactory.Create(host, config, host.Resources);
            into[i].DeviceState = rings;
            Duo.Connect(into[i], Wire.Gid.FromIPv4(2), 9, 0, 0, options);
            host.Scheduled.Dequeue().PollTransmit(sink, 1, 0);
        }
    }

    private static void Converse(Duo duo, in SendWorkRequest request, int times)
    {
        for (int i = 0; i < times; i++)
        {
            if (request.Opcode == WorkOpcode.Send)
            {
                duo.PostReceive(1, duo.B.Memory.BaseAddress, request.TotalBytes);
            }

            duo.Post(request);
            duo.Settle();
        }

    }

    private sealed class NullSink : Wire.IPacketSink
    {
        public bool HasRoom => false;

        public void Emit(in Wire.Packet packet, Wire.Route route) => Assert.Fail("an idle QP has nothing to say");
    }
}
