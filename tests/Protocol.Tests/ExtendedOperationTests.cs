using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>FLUSH and ATOMIC WRITE between two of us, and with a peer that does not know them. IBTA vol. 1 (1.5), annex A19.</summary>
public class ExtendedOperationTests
{
    private const AccessFlags AllAccess = Duo.AllAccess | AccessFlags.FlushGlobal | AccessFlags.FlushPersistent;

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void An_atomic_write_puts_eight_bytes_and_completes_by_a_response(bool local, bool inline)
    {
        var duo = Make(local);
        ulong target = duo.B.Memory.BaseAddress + 64;
        duo.A.Memory.WriteWord(duo.A.Memory.BaseAddress, 0x1122_3344_5566_7788);
        SendWorkRequest request = AtomicWrite(duo, 1, target);
        if (inline)
        {
            request.Flags |= SendFlags.Inline;
            request.SgeCount = 0;
            System.Runtime.CompilerServices.Unsafe.As<ScatterGatherList, ulong>(ref request.Sges) = 0x1122_3344_5566_7788;
        }

        duo.Post(request);
        duo.Settle();
        Completion done = Assert.Single(duo.FirstRings.SendEntries);
        Assert.Equal((CompletionStatus.Success, CompletionOpcode.AtomicWrite, 0u), (done.Status, done.Opcode, done.Bytes));
        Assert.Equal(0x1122_3344_5566_7788ul, duo.B.Memory.ReadWord(target));
        Assert.Equal(0ul, duo.B.Memory.ReadWord(target + 8));
        Assert.Empty(duo.SecondRings.ReceivesDone);
        duo.AssertWindowsEmpty();
    }

    [Theory]
    [InlineData(FlushOptions.Global)]
    [InlineData(FlushOptions.Persistent)]
    [InlineData(FlushOptions.Global | FlushOptions.Persistent)]
    [InlineData(FlushOptions.Global | FlushOptions.WholeRegion)]
    public void A_flush_after_a_write_completes_when_the_write_is_placed(FlushOptions options)
    {
        var duo = Make();
        uint key = duo.B.Memory.RegisterAll(AllAccess);
        duo.A.Memory.Fill(duo.A.Memory.BaseAddress, 5000, 3);
        duo.Post(Requests.Write(1, duo.A.Memory.BaseAddress, 5000, duo.LocalKey, duo.B.Memory.BaseAddress, key));
        duo.Post(Flush(2, duo.B.Memory.BaseAddress, 5000, key, options));
        duo.Post(Requests.Write(3, duo.A.Memory.BaseAddress, 8, duo.LocalKey, duo.B.Memory.BaseAddress + 8000, key));
        duo.Settle();
        Assert.Equal([1ul, 2, 3], duo.FirstRings.SendEntries.Select(done => done.WorkRequestId));
        Assert.Equal([CompletionOpcode.Write, CompletionOpcode.Flush, CompletionOpcode.Write], duo.FirstRings.SendEntries.Select(done => done.Opcode));
        Assert.All(duo.FirstRings.SendEntries, done => Assert.Equal(CompletionStatus.Success, done.Status));
        Assert.Equal(-1, duo.B.Memory.FindDifference(duo.B.Memory.BaseAddress, 5000, 3));
        duo.AssertWindowsEmpty();
    }

    [Fact]
    public void A_flush_of_a_whole_region_looks_at_no_range()
    {
        var duo = Make();
        uint key = duo.B.Memory.RegisterAll(AllAccess);
        duo.Post(Flush(1, 0, 0, key, FlushOptions.Global | FlushOptions.WholeRegion));
        duo.Settle();
        Assert.Equal(CompletionStatus.Success, Assert.Single(duo.FirstRings.SendEntries).Status);
    }

    [Theory]
    [InlineData(AccessFlags.FlushGlobal, FlushOptions.Persistent, false)]
    [InlineData(AccessFlags.FlushPersistent, FlushOptions.Global, false)]
    [InlineData(AccessFlags.FlushGlobal, FlushOptions.Global | FlushOptions.Persistent, false)]
    [InlineData(AccessFlags.FlushGlobal, FlushOptions.Global | FlushOptions.WholeRegion, true)]
    [InlineData(AccessFlags.FlushGlobal, FlushOptions.Global, true)]
    public void A_flush_needs_the_rights_of_the_key(AccessFlags rights, FlushOptions options, bool granted)
    {
        var duo = Make();
        uint key = duo.B.Memory.RegisterAll(Duo.AllAccess | rights);
        duo.Post(Flush(1, duo.B.Memory.BaseAddress, 100, key, options));
        duo.Settle();
        Assert.Equal(granted ? CompletionStatus.Success : CompletionStatus.RemoteAccessError, Assert.Single(duo.FirstRings.SendEntries).Status);
        Assert.Equal(granted ? [] : [QueuePairEvent.AccessError], duo.SecondRings.Events);
    }

    [Fact]
    public void A_flush_needs_the_rights_of_the_queue_pair()
    {
        var duo = new Duo(new DuoOptions());
        uint key = duo.B.Memory.RegisterAll(AllAccess);
        duo.Post(Flush(1, duo.B.Memory.BaseAddress, 100, key, FlushOptions.Global));
        duo.Settle();
        Assert.Equal(CompletionStatus.RemoteInvalidRequestError, Assert.Single(duo.FirstRings.SendEntries).Status);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_flush_beyond_its_region_is_refused(int excess)
    {
        var duo = Make();
        uint key = duo.B.Memory.Register(duo.B.Memory.BaseAddress, 4096, AllAccess);
        duo.Post(Flush(1, duo.B.Memory.BaseAddress, (uint)(4096 + excess), key, FlushOptions.Global));
        duo.Settle();
        Assert.Equal(excess == 0 ? CompletionStatus.Success : CompletionStatus.RemoteAccessError, Assert.Single(duo.FirstRings.SendEntries).Status);
    }

    [Theory]
    [InlineData(4u, AllAccess, CompletionStatus.RemoteInvalidRequestError)]
    [InlineData(0u, AllAccess & ~AccessFlags.RemoteWrite, CompletionStatus.RemoteAccessError)]
    public void An_atomic_write_askew_or_without_right_is_refused_and_writes_nothing(uint offset, AccessFlags rights, CompletionStatus status)
    {
        var duo = Make();
        SendWorkRequest request = AtomicWrite(duo, 1, duo.B.Memory.BaseAddress + offset);
        request.RemoteKey = duo.B.Memory.RegisterAll(rights);
        duo.Post(request);
        duo.Settle();
        Assert.Equal(status, Assert.Single(duo.FirstRings.SendEntries).Status);
        Assert.Equal(0, duo.B.Memory.BytesWritten);
    }

    [Fact]
    public void A_lost_response_is_given_again_and_nothing_is_executed_twice()
    {
        var duo = Make();
        uint key = duo.B.Memory.RegisterAll(AllAccess);
        ulong target = duo.B.Memory.BaseAddress;
        duo.A.Memory.WriteWord(duo.A.Memory.BaseAddress, 5);
        duo.Post(AtomicWrite(duo, 1, target));
        duo.Post(Flush(2, target, 8, key, FlushOptions.Global));
        duo.PollA();
        duo.DeliverToB();
        duo.PollB();
        Assert.Equal([Opcode.RcReadResponseOnly, Opcode.RcReadResponseOnly], Enumerable.Range(0, duo.FromB.Count).Select(i => duo.FromB[i].Opcode));
        duo.FromB.Clear();
        duo.B.Memory.WriteWord(target, 99);
        for (int i = 0; i < 50 && duo.FirstRings.SendsDone.Count < 2; i++)
        {
            duo.PassTime();
            duo.Settle();
        }

        Assert.Equal([CompletionStatus.Success, CompletionStatus.Success], duo.FirstRings.SendEntries.Select(done => done.Status));
        Assert.Equal(99ul, duo.B.Memory.ReadWord(target));
        Assert.Equal(8, duo.B.Memory.BytesWritten);
        Assert.True(duo.B.Counters.ReplayedRequests >= 2);
    }

    [Fact]
    public void A_peer_that_never_answers_them_ends_in_retry_exceeded()
    {
        var lone = new Lone(new DuoOptions { RetryCount = 2 });
        lone.Post(Flush(1, 0, 8, 1, FlushOptions.Global));
        for (int i = 0; i < 200 && lone.Qp.State != QueuePairState.Error; i++)
        {
            lone.Poll();
            lone.Wait(50_000_000);
        }

        Assert.Equal(CompletionStatus.RetryExceededError, Assert.Single(lone.Rings.SendEntries).Status);
    }

    [Fact]
    public void A_peer_that_refuses_them_ends_in_remote_invalid_request()
    {
        var lone = new Lone(new DuoOptions());
        lone.Post(Flush(1, 0, 8, 1, FlushOptions.Global));
        Assert.Equal(1, lone.Poll());
        Assert.Equal((Opcode.RcFlush, 1u, 8u), (lone.Sent[0].Opcode, lone.Sent[0].FlushOptions, lone.Sent[0].DmaLength));
        lone.Receive(lone.Acknowledge(0, AethSyndrome.Nak(NakCode.InvalidRequest)));
        Assert.Equal(CompletionStatus.RemoteInvalidRequestError, Assert.Single(lone.Rings.SendEntries).Status);
    }

    [Theory]
    [InlineData(Opcode.RcReadResponseOnly, 4)]
    [InlineData(Opcode.RcReadResponseFirst, 1024)]
    [InlineData(Opcode.RcReadResponseLast, 0)]
    [InlineData(Opcode.RcAtomicAcknowledge, 0)]
    public void A_response_that_is_not_one_to_a_flush_is_dropped(Opcode opcode, int bytes)
    {
        var lone = new Lone(new DuoOptions());
        lone.Post(Flush(1, 0, 8, 1, FlushOptions.Global));
        lone.Poll();
        lone.Receive(lone.ReadResponse(opcode, 0, bytes));
        Assert.Empty(lone.Rings.SendsDone);
        Assert.Equal(1, lone.Host.Counters.DroppedBadResponse);
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseOnly, 0, 0));
        Assert.Equal(CompletionStatus.Success, Assert.Single(lone.Rings.SendEntries).Status);
    }

    [Theory]
    [InlineData(WorkOpcode.Flush, 0u, FlushOptions.None, CompletionStatus.LocalQpOperationError)]
    [InlineData(WorkOpcode.Flush, 0u, FlushOptions.WholeRegion, CompletionStatus.LocalQpOperationError)]
    [InlineData(WorkOpcode.Flush, 8u, FlushOptions.Global, CompletionStatus.LocalQpOperationError)]
    [InlineData(WorkOpcode.AtomicWrite, 7u, FlushOptions.None, CompletionStatus.LocalLengthError)]
    [InlineData(WorkOpcode.AtomicWrite, 9u, FlushOptions.None, CompletionStatus.LocalLengthError)]
    public void What_is_no_flush_or_atomic_write_fails_here(WorkOpcode opcode, uint bytes, FlushOptions options, CompletionStatus status)
    {
        var lone = new Lone(new DuoOptions());
        lone.Post(Requests.Make(opcode, 1, lone.Base, bytes, lone.Key) with { FlushOptions = options });
        Assert.Equal(0, lone.Poll());
        Assert.Equal(status, Assert.Single(lone.Rings.SendEntries).Status);
    }

    [Theory]
    [InlineData(0u, 8)]
    [InlineData(8u, 4)]
    [InlineData(16u, 16)]
    public void An_atomic_write_whose_lengths_lie_is_refused(uint dmaLength, int payloadBytes)
    {
        var lone = new Lone(new DuoOptions { Access = AllAccess });
        Packet packet = lone.Request(Opcode.RcAtomicWrite, 0, payloadBytes);
        packet.DmaLength = dmaLength;
        lone.Receive(packet);
        lone.AssertEnded(AethSyndrome.Nak(NakCode.InvalidRequest), 0, QueuePairEvent.RequestError);
    }

    [Theory]
    [InlineData(0x4u)]
    [InlineData(0x21u)]
    [InlineData(0x31u)]
    public void A_flush_of_unknown_kind_is_refused(uint options)
    {
        var lone = new Lone(new DuoOptions { Access = AllAccess });
        Packet packet = lone.Request(Opcode.RcFlush, 0);
        packet.FlushOptions = options;
        packet.RemoteKey = lone.Host.Memory.RegisterAll(AllAccess);
        lone.Receive(packet);
        lone.AssertEnded(AethSyndrome.Nak(NakCode.InvalidRequest), 0, QueuePairEvent.RequestError);
    }

    private static Duo Make(bool local = false) => new(new DuoOptions { Access = AllAccess, IsLocal = local });

    private static SendWorkRequest AtomicWrite(Duo duo, ulong id, ulong target) =>
        Requests.Make(WorkOpcode.AtomicWrite, id, duo.A.Memory.BaseAddress, 8, duo.LocalKey) with { RemoteAddress = target, RemoteKey = duo.RemoteKey };

    private static SendWorkRequest Flush(ulong id, ulong address, uint bytes, uint key, FlushOptions options) =>
        Requests.Make(WorkOpcode.Flush, id, 0, 0, 0) with
        {
            RemoteAddress = address, RemoteKey = key, FlushBytes = bytes, FlushOptions = options,
        };
}
