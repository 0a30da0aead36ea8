using CsCheck;
using RoceEngine.Protocol.Tests.Simulation;

namespace RoceEngine.Protocol.Tests;

/// <summary>The heap of deadlines, and the encodings of time.</summary>
public class TimerTests
{
    [Fact]
    public void The_heap_gives_out_deadlines_in_order_and_exactly_once() =>
        Gen.Select(Gen.Int[0, 9], Gen.Long[0, 50], Gen.Int[0, 3]).Array[0, 200].Sample(steps =>
        {
            var heap = new TimerHeap();
            StubQueuePair[] qps = [.. Enumerable.Range(0, 10).Select(_ => new StubQueuePair())];
            var model = new Dictionary<StubQueuePair, long>();
            foreach ((int index, long time, int action) in steps)
            {
                StubQueuePair qp = qps[index];
                switch (action)
                {
                    case 0:
                        heap.Remove(qp);
                        model.Remove(qp);
                        break;
                    case 1:
                        qp.SetDeadline(long.MaxValue);
                        heap.Update(qp);
                        model.Remove(qp);
                        break;
                    case 2:
                        QueuePair? due = heap.PopDue(time);
                        Assert.Equal(model.Values.Any(deadline => deadline <= time), due is not null);
                        if (due is StubQueuePair popped)
                        {
                            Assert.Equal(model.Values.Min(), model[popped]);
                            model.Remove(popped);
                        }

                        break;
                    default:
                        qp.SetDeadline(time);
                        heap.Update(qp);
                        model[qp] = time;
                        break;
                }

                Assert.Equal(model.Count, heap.Count);
                Assert.Equal(model.Count == 0 ? long.MaxValue : model.Values.Min(), heap.NextDeadlineNs);
            }
        });

    [Theory]
    [InlineData(1, 8_192)]
    [InlineData(14, 67_108_864)]
    [InlineData(31, 8_796_093_022_208)]
    [InlineData(0, long.MaxValue)]
    public void A_timeout_code_is_an_exponent_of_two(byte code, long ns) => Assert.Equal(ns, AckTimeout.Nanoseconds(code));

    private sealed class StubQueuePair() : QueuePair(new FakeHost(default, new FlatMemory(1)), default)
    {
        public override QueuePairState State => QueuePairState.Reset;

        public void SetDeadline(long ns) => DeadlineNs = ns;

        public override int Modify(in QueuePairAttributes attributes, QueuePairAttributeMask mask, long nowNs) => 0;

        public override void Query(out QueuePairAttributes attributes) => attributes = default;

        public override void HandleSendDoorbell(long nowNs)
        {
        }

        public override void HandleReceiveDoorbell(long nowNs)
        {
        }

        public override void HandlePacket(in Wire.Packet packet, in Wire.Gid source, long nowNs)
        {
        }

        public override void HandleTimeout(long nowNs)
        {
        }

        public override bool PollTransmit(Wire.IPacketSink sink, int packetBudget, long nowNs) => false;

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
}
