using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>The responder and memory: keys, ranges, alignment, buffers that are not what they were.</summary>
public class ResponderMemoryTests
{
    private static readonly AethSyndrome InvalidRequest = AethSyndrome.Nak(NakCode.InvalidRequest);
    private static readonly AethSyndrome AccessError = AethSyndrome.Nak(NakCode.RemoteAccessError);
    private static readonly AethSyndrome OperationalError = AethSyndrome.Nak(NakCode.RemoteOperationalError);

    [Theory]
    [InlineData(Opcode.RcWriteOnly)]
    [InlineData(Opcode.RcReadRequest)]
    [InlineData(Opcode.RcCompareSwap)]
    [InlineData(Opcode.RcFetchAdd)]
    public void A_key_that_is_none_is_an_access_error(Opcode opcode)
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(lone.Request(opcode, 0, opcode == Opcode.RcWriteOnly ? 8 : 0) with { RemoteKey = 0x7777, DmaLength = 8 });
        lone.AssertEnded(AccessError, 0, QueuePairEvent.AccessError);
    }

    [Theory]
    [InlineData(Opcode.RcWriteFirst, 100_000)]
    [InlineData(Opcode.RcWriteFirst, 1_500)]
    [InlineData(Opcode.RcReadRequest, 100_000)]
    public void A_range_beyond_the_region_is_refused_before_its_first_byte(Opcode opcode, uint bytes)
    {
        var lone = new Lone(new DuoOptions());
        uint key = lone.Host.Memory.Register(lone.Base, bytes, Duo.AllAccess);
        lone.Receive(lone.Request(opcode, 0, opcode == Opcode.RcWriteFirst ? 1024 : 0) with { RemoteKey = key, DmaLength = bytes + 1 });
        lone.AssertEnded(AccessError, 0, QueuePairEvent.AccessError);
        Assert.Equal(0, lone.Host.Memory.BytesWritten);
    }

    [Fact]
    public void A_copy_of_a_READ_that_was_answered_does_no_harm_when_its_key_has_gone_since()
    {
        var lone = new Lone(new DuoOptions());
        uint key = lone.Host.Memory.Register(lone.Base, 4096, Duo.AllAccess);
        Packet read = lone.Request(Opcode.RcReadRequest, 0) with { RemoteKey = key, DmaLength = 512 };
        lone.Receive(read);
        Assert.Equal(1, lone.Poll());
        lone.Host.Memory.Deregister(key);
        lone.Receive(read);
        Assert.Equal(0, lone.Poll());
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
        Assert.Equal(1, lone.Host.Counters.DroppedTooOld);
    }

    [Theory]
    [InlineData(Opcode.RcWriteOnly)]
    [InlineData(Opcode.RcReadRequest)]
    public void Zero_bytes_need_no_key(Opcode opcode)
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(lone.Request(opcode, 0) with { RemoteKey = 0x7777, RemoteAddress = 1 });
        Assert.Equal(1, lone.Poll());
        Assert.Equal(opcode == Opcode.RcReadRequest ? Opcode.RcReadResponseOnly : Opcode.RcAcknowledge, lone.Sent[0].Opcode);
        Assert.Equal(QueuePairState.ReadyToSend, lone.Qp.State);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(7)]
    public void A_misaligned_atomic_is_an_invalid_request(int offset)
    {
        var lone = new Lone(new DuoOptions());
        lone.Receive(lone.Request(Opcode.RcFetchAdd, 0) with { RemoteAddress = lone.Base + (uint)offset, SwapOrAdd = 1 });
        lone.AssertEnded(InvalidRequest, 0, QueuePairEvent.RequestError);
    }

    [Fact]
    public void A_receive_buffer_that_is_not_writable_is_the_responders_own_fault()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostReceive(7, 64);
        lone.Host.Memory.Deregister(lone.Key);
        lone.Receive(lone.Request(Opcode.RcSendOnly, 0, 8));
        lone.AssertAnswers(OperationalError, 0);
        Assert.Equal(CompletionStatus.LocalProtectionError, Assert.Single(lone.Rings.ReceivesDone).Status);
    }

    [Fact]
    public void An_impossible_receive_request_is_the_responders_own_fault()
    {
        var lone = new Lone(new DuoOptions());
        lone.Rings.ImpossibleIds.Add(7);
        lone.PostReceive(7, 64);
        lone.Receive(lone.Request(Opcode.RcSendOnly, 0, 8));
        lone.AssertAnswers(OperationalError, 0);
        Assert.Equal(CompletionStatus.LocalQpOperationError, Assert.Single(lone.Rings.ReceivesDone).Status);
    }

    [Fact]
    public void A_key_that_cannot_be_invalidated_fails_the_send()
    {
        var lone = new Lone(new DuoOptions());
        lone.Host.InvalidatedKeys.Add(0x55);
        lone.PostReceive(7, 64);
        lone.Receive(lone.Request(Opcode.RcSendOnlyInvalidate, 0, 8) with { ImmediateOrKey = 0x55 });
        lone.AssertAnswers(AccessError, 0);
        Assert.Equal(CompletionStatus.RemoteInvalidRequestError, Assert.Single(lone.Rings.ReceivesDone).Status);
    }

    [Fact]
    public void Memory_that_went_away_fails_the_read_at_the_packet_that_misses_it()
    {
        var lone = new Lone(new DuoOptions());
        uint key = lone.Host.Memory.RegisterAll(AccessFlags.RemoteRead);
        lone.Receive(lone.Request(Opcode.RcReadRequest, 0) with { RemoteKey = key, DmaLength = 5000 });
        Assert.Equal(2, lone.Poll(budget: 2));
        lone.Host.Memory.Deregister(key);
        lone.AssertEnded(AccessError, 2, QueuePairEvent.AccessError);
    }
}
