using RoceEngine.Protocol.Tests.Simulation;

namespace RoceEngine.Protocol.Tests;

/// <summary>
/// What loss costs, in virtual time: a stream of messages over a way of 1.25 bytes per ns and 10 µs, without loss and with it.
/// </summary>
public class GoodputTests
{
    private const int Queued = 64;

    [Theory]
    [InlineData(WorkOpcode.Write, 64u * 1024, 400)]
    [InlineData(WorkOpcode.Write, 1u << 20, 30)]
    [InlineData(WorkOpcode.Write, 4096u, 4000)]
    [InlineData(WorkOpcode.Send, 64u * 1024, 400)]
    [InlineData(WorkOpcode.Read, 64u * 1024, 400)]
    [InlineData(WorkOpcode.Read, 1u << 20, 30)]
    public void One_percent_of_loss_costs_less_than_a_fifth(WorkOpcode opcode, uint bytes, int count)
    {
        Run whole = Stream(opcode, bytes, count, loss: 0, keeps: true);
        Run lossy = Stream(opcode, bytes, count, loss: 0.01, keeps: true);
        double ratio = (double)whole.ElapsedNs / lossy.ElapsedNs;
        Assert.True(ratio >= 0.8, $"{ratio:F3}: {whole.ElapsedNs} ns without loss, {lossy.ElapsedNs} with it");
        Assert.Equal(0, whole.Retransmitted);
        Assert.InRange(lossy.Retransmitted, 1, long.MaxValue);
    }

    [Theory]
    [InlineData(WorkOpcode.Write, 64u * 1024, 200)]
    [InlineData(WorkOpcode.Send, 4096u, 2000)]
    [InlineData(WorkOpcode.Read, 64u * 1024, 200)]
    public void A_peer_that_drops_what_is_behind_a_hole_loses_little_by_our_trying(WorkOpcode opcode, uint bytes, int count)
    {
        Run whole = Stream(opcode, bytes, count, loss: 0, keeps: false);
        Run lossy = Stream(opcode, bytes, count, loss: 0.002, keeps: false);
        Assert.InRange(lossy.ElapsedNs, 1, 3 * whole.ElapsedNs);
        Assert.Equal(0, whole.Retransmitted);
    }

    [Theory]
    [InlineData(0.05)]
    [InlineData(0.2)]
    public void Heavy_loss_is_survived_without_an_error(double loss)
    {
        Run run = Stream(WorkOpcode.Write, 64 * 1024, 100, loss, keeps: true);
        Assert.InRange(run.Retransmitted, 1, 100 * 16 * 2);
    }

    private static Run Stream(WorkOpcode opcode, uint bytes, int count, double loss, bool keeps)
    {
        var world = new World(7);
        world.Network.Faults = new Faults { Loss = loss, DelayNs = 10_000, BytesPerNs = 1.25 };
        FakeHost a = world.AddHost(new FlatMemory(1024));
        FakeHost b = world.AddHost(new FlatMemory(1024));
        b.Resources.ReorderLimitBytes = keeps ? b.Resources.ReorderLimitBytes : 0;
        QueuePair sender = a.Create(1, signalAll: true);
        QueuePair receiver = b.Create(2);
        var options = new DuoOptions { PathMtuBytes = 4096, MaxRdAtomic = 16, MaxDestinationRdAtomic = 16 };
        Duo.Connect(sender, b.Address, 2, 0xFF_FF00, 5, options);
        Duo.Connect(receiver, a.Address, 1, 5, 0xFF_FF00, options);
        SendWorkRequest request = Requests.Make(opcode, 0, a.Memory.BaseAddress, bytes, a.Memory.RegisterAll(Duo.AllAccess)) with
        {
            RemoteAddress = b.Memory.BaseAddress, RemoteKey = b.Memory.RegisterAll(Duo.AllAccess), CompareOrAdd = 1,
        };
        var receive = new ReceiveWorkRequest { SgeCount = 1, TotalBytes = bytes };
        receive.Sges[0] = new ScatterGatherEntry { Address = b.Memory.BaseAddress, Length = bytes, LocalKey = request.RemoteKey };
        Rings rings = FakeHost.RingsOf(sender);
        long start = world.NowNs;
        for (int posted = 0; rings.SendsDone.Count < count;)
        {
            for (; posted < count && posted - rings.SendsDone.Count < Queued; posted++)
            {
                FakeHost.RingsOf(receiver).Receives.Enqueue(receive);
                rings.Sends.Enqueue(request);
            }

            sender.HandleSendDoorbell(world.NowNs);
            world.RunFor(2_000);
            Assert.True(sender.State == QueuePairState.ReadyToSend, "the QP failed");
        }

        Assert.All(rings.SendsDone, done => Assert.Equal(CompletionStatus.Success, done.Completion.Status));
        if (opcode == WorkOpcode.FetchAdd)
        {
            Assert.Equal((ulong)count, b.Memory.ReadWord(b.Memory.BaseAddress));
        }

        return new Run(world.NowNs - start, a.Counters.RetransmittedPackets);
    }

    private readonly record struct Run(long ElapsedNs, long Retransmitted);
}
