using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>Requests that fail on the requester's own side.</summary>
public class RequesterFailureTests
{
    [Fact]
    public void A_local_buffer_that_is_not_there_fails_its_request_after_those_before_it()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostWrite(1, 8);
        lone.Post(Requests.Write(2, lone.Base, 8, 0x7777, 0, 0));
        lone.PostWrite(3, 8);
        Assert.Equal(1, lone.Poll());
        Assert.Empty(lone.Rings.SendsDone);
        lone.Receive(lone.Ack(0));
        Assert.Equal(
            [CompletionStatus.Success, CompletionStatus.LocalProtectionError, CompletionStatus.FlushError],
            lone.Rings.SendEntries.Select(done => done.Status));
        Assert.Equal(QueuePairState.Error, lone.Qp.State);
    }

    [Fact]
    public void A_region_that_goes_away_in_the_middle_of_a_message_fails_it()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostWrite(1, 4096);
        Assert.Equal(2, lone.Poll(budget: 2));
        lone.Host.Memory.Deregister(lone.Key);
        lone.Poll();
        Assert.Equal(CompletionStatus.LocalProtectionError, Assert.Single(lone.Rings.SendEntries).Status);
        Assert.Equal(0, lone.Window.InFlightBytes);
    }

    [Fact]
    public void An_impossible_request_is_a_local_operation_error()
    {
        var lone = new Lone(new DuoOptions());
        lone.Rings.ImpossibleIds.Add(1);
        lone.PostWrite(1, 8);
        lone.Poll();
        Assert.Equal(CompletionStatus.LocalQpOperationError, Assert.Single(lone.Rings.SendEntries).Status);
    }

    [Theory]
    [InlineData((WorkOpcode)77, 0u, CompletionStatus.LocalQpOperationError)]
    [InlineData(WorkOpcode.FetchAdd, 4u, CompletionStatus.LocalLengthError)]
    [InlineData(WorkOpcode.Write, 0x8000_0001u, CompletionStatus.LocalLengthError)]
    public void A_request_that_cannot_be_sent_says_why(WorkOpcode opcode, uint bytes, CompletionStatus status)
    {
        var lone = new Lone(new DuoOptions());
        lone.Post(Requests.Make(opcode, 1, lone.Base, bytes, lone.Key));
        Assert.Equal(0, lone.Poll());
        Completion done = Assert.Single(lone.Rings.SendEntries);
        Assert.Equal(status, done.Status);
        Assert.NotNull(done.Hint);
    }

    [Fact]
    public void Without_initiator_depth_a_read_fails_instead_of_waiting_forever()
    {
        var lone = new Lone(new DuoOptions { MaxRdAtomic = 0 });
        lone.PostRead(1, 8);
        lone.Poll();
        Assert.Equal(CompletionStatus.LocalQpOperationError, Assert.Single(lone.Rings.SendEntries).Status);
    }

    [Fact]
    public void A_read_buffer_that_is_not_writable_fails_the_read()
    {
        var lone = new Lone(new DuoOptions());
        uint readOnly = lone.Host.Memory.RegisterAll(AccessFlags.None);
        lone.Post(Requests.Read(1, lone.Base, 8, readOnly, 0, 0));
        lone.Poll();
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseOnly, 0, 8));
        Assert.Equal(CompletionStatus.LocalProtectionError, Assert.Single(lone.Rings.SendEntries).Status);
    }
}
