using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>Bind, local invalidate and fast registration in the send queue of a reliable connection. IBTA vol. 1, 10.6.5, 10.8.3.</summary>
public class LocalOperationTests
{
    [Theory]
    [InlineData(WorkOpcode.BindWindow, CompletionOpcode.BindWindow)]
    [InlineData(WorkOpcode.LocalInvalidate, CompletionOpcode.LocalInvalidate)]
    [InlineData(WorkOpcode.FastRegister, CompletionOpcode.FastRegister)]
    public void Alone_it_completes_at_once_and_sends_nothing(WorkOpcode opcode, CompletionOpcode completed)
    {
        var lone = new Lone(new DuoOptions());
        lone.Post(Local(opcode, 1, 0x1234));
        Assert.Equal(0, lone.Poll());
        Assert.Equal((CompletionStatus.Success, completed), (Assert.Single(lone.Rings.SendEntries).Status, lone.Rings.SendsDone[0].Completion.Opcode));
        Assert.Equal([(opcode, 0x1234u)], lone.Host.LocalOperations);
        lone.PostWrite(2, 8);
        Assert.Equal(1, lone.Poll());
        Assert.Equal(new Psn(lone.Options.RequesterPsn), lone.Sent[0].Psn);
    }

    [Fact]
    public void A_bind_is_carried_out_at_its_turn_and_completes_in_order()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostWrite(1, 8);
        lone.Post(Local(WorkOpcode.BindWindow, 2, 5));
        lone.PostWrite(3, 8);
        Assert.Equal(2, lone.Poll());
        Assert.Single(lone.Host.LocalOperations);
        Assert.Empty(lone.Rings.SendsDone);
        lone.Receive(lone.Ack(0));
        Assert.Equal([1ul, 2], lone.Rings.SendEntries.Select(done => done.WorkRequestId));
        lone.Receive(lone.Ack(1));
        Assert.Equal([1ul, 2, 3], lone.Rings.SendEntries.Select(done => done.WorkRequestId));
        Assert.Equal(0, lone.Host.Resources.SlotsInUse);
    }

    [Fact]
    public void An_invalidation_waits_for_everything_before_it_and_holds_back_what_follows()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostWrite(1, 8);
        lone.Post(Local(WorkOpcode.LocalInvalidate, 2, 5));
        lone.PostWrite(3, 8);
        Assert.Equal(1, lone.Poll());
        Assert.Empty(lone.Host.LocalOperations);
        lone.Receive(lone.Ack(0));
        Assert.Equal(1, lone.Poll());
        Assert.Single(lone.Host.LocalOperations);
        Assert.Equal([1ul, 2], lone.Rings.SendEntries.Select(done => done.WorkRequestId));
    }

    [Fact]
    public void A_fenced_bind_waits_for_reads_before_it_and_an_unfenced_one_does_not()
    {
        foreach (bool fenced in (bool[])[false, true])
        {
            var lone = new Lone(new DuoOptions());
            lone.PostRead(1, 8);
            lone.Post(Local(WorkOpcode.BindWindow, 2, 5) with { Flags = SendFlags.Signaled | (fenced ? SendFlags.Fence : SendFlags.None) });
            lone.Poll();
            Assert.Equal(fenced ? 0 : 1, lone.Host.LocalOperations.Count);
            lone.Receive(lone.ReadResponse(Opcode.RcReadResponseOnly, 0, 8));
            lone.Poll();
            Assert.Single(lone.Host.LocalOperations);
            Assert.Equal([1ul, 2], lone.Rings.SendEntries.Select(done => done.WorkRequestId));
        }
    }

    [Fact]
    public void Going_back_does_not_carry_it_out_again()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostWrite(1, 8);
        lone.Post(Local(WorkOpcode.BindWindow, 2, 5));
        lone.PostWrite(3, 8);
        lone.Poll();
        for (int i = 0; i < 20 && lone.Host.Counters.Timeouts == 0; i++)
        {
            lone.Wait(100_000_000);
            lone.Poll();
        }

        Assert.True(lone.Host.Counters.Timeouts > 0);
        lone.Poll();
        Assert.Single(lone.Host.LocalOperations);
        lone.Receive(lone.Ack(1));
        Assert.Equal([1ul, 2, 3], lone.Rings.SendEntries.Select(done => done.WorkRequestId));
    }

    [Theory]
    [InlineData(CompletionStatus.MemoryWindowBindError)]
    [InlineData(CompletionStatus.LocalQpOperationError)]
    [InlineData(CompletionStatus.LocalProtectionError)]
    public void One_that_fails_ends_the_connection_after_what_was_before_it(CompletionStatus failure)
    {
        var lone = new Lone(new DuoOptions());
        lone.Host.LocalOutcome = failure;
        lone.PostWrite(1, 8);
        lone.Post(Local(WorkOpcode.BindWindow, 2, 5));
        lone.PostWrite(3, 8);
        Assert.Equal(1, lone.Poll());
        Assert.Empty(lone.Rings.SendsDone);
        lone.Receive(lone.Ack(0));
        Assert.Equal(
            [(1ul, CompletionStatus.Success), (2ul, failure), (3ul, CompletionStatus.FlushError)],
            lone.Rings.SendEntries.Select(done => (done.WorkRequestId, done.Status)));
        Assert.Equal(QueuePairState.Error, lone.Qp.State);
        Assert.NotNull(lone.Rings.SendsDone[1].Completion.Hint);
    }

    [Fact]
    public void Drained_it_is_held_back()
    {
        var lone = new Lone(new DuoOptions());
        Assert.Equal(0, lone.Qp.Modify(new QueuePairAttributes { State = QueuePairState.SendQueueDrained }, QueuePairAttributeMask.State, 0));
        lone.Post(Local(WorkOpcode.BindWindow, 1, 5));
        lone.Poll();
        Assert.Empty(lone.Host.LocalOperations);
        Assert.Equal(0, lone.Qp.Modify(new QueuePairAttributes { State = QueuePairState.ReadyToSend }, QueuePairAttributeMask.State, 0));
        lone.Poll();
        Assert.Single(lone.Host.LocalOperations);
    }

    [Fact]
    public void An_unsignalled_one_frees_its_slot_without_an_entry()
    {
        var lone = new Lone(new DuoOptions { SignalAll = false });
        lone.Post(Local(WorkOpcode.BindWindow, 1, 5) with { Flags = SendFlags.None });
        lone.Poll();
        Assert.False(Assert.Single(lone.Rings.SendsDone).Written);
    }

    private static SendWorkRequest Local(WorkOpcode opcode, ulong id, uint key)
    {
        SendWorkRequest request = Requests.Make(opcode, id, 0, 0, 0);
        request.LocalOperation.Key = key;
        return request;
    }
}
