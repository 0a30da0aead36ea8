using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>READ and atomic responses that are lost: what is asked for again, and how it is answered.</summary>
public class ReadRecoveryTests
{
    [Fact]
    public void Responses_beyond_a_hole_are_placed_and_not_asked_for_again()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostRead(1, 8 * 1024);
        lone.Poll();
        foreach (int psn in new[] { 0, 1, 3, 4, 6 })
        {
            lone.Receive(lone.ReadResponse(psn == 0 ? Opcode.RcReadResponseFirst : Opcode.RcReadResponseMiddle, psn, 1024));
        }

        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseLast, 7, 1024));
        Assert.Equal(6 * 1024, lone.Host.Memory.BytesWritten);
        Assert.Equal(1, lone.Poll());
        AssertAsks(lone, 0, 2, 1);
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseOnly, 2, 1024));
        Assert.Empty(lone.Rings.SendsDone);
        Assert.Equal(1, lone.Poll());
        AssertAsks(lone, 0, 5, 1);
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseOnly, 5, 1024));
        Assert.Equal(CompletionStatus.Success, Assert.Single(lone.Rings.SendEntries).Status);
        Assert.Equal(0, lone.Window.InFlightBytes);
    }

    [Fact]
    public void A_request_that_was_lost_is_sent_again_as_it_was()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostRead(1, 8 * 1024);
        lone.PostWrite(2, 8);
        Assert.Equal(2, lone.Poll());
        lone.Receive(lone.Acknowledge(0, AethSyndrome.Nak(NakCode.PsnSequenceError)));
        Assert.Equal(1, lone.Poll());
        AssertAsks(lone, 0, 0, 8);
    }

    [Fact]
    public void A_response_that_never_comes_is_asked_for_again_by_a_probe()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostRead(1, 4 * 1024);
        lone.Poll();
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseFirst, 0, 1024));
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseMiddle, 1, 1024));
        lone.Wait(6_000_000);
        Assert.Equal(1, lone.Poll());
        AssertAsks(lone, 0, 2, 2);
        Assert.Equal((1, 0), (lone.Host.Counters.Probes, lone.Host.Counters.Timeouts));
    }

    [Fact]
    public void Several_reads_with_holes_are_asked_for_at_once_each_from_its_first_hole_to_its_last()
    {
        var lone = new Lone(new DuoOptions());
        for (ulong id = 0; id < 3; id++)
        {
            lone.PostRead(id, 8 * 1024);
        }

        Assert.Equal(3, lone.Poll());
        foreach (int psn in new[] { 0, 1, 2, 4, 5, 6, 7, 8, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22 })
        {
            lone.Receive(lone.ReadResponse(Opcode.RcReadResponseMiddle, psn, 1024));
        }

        Assert.Equal(2, lone.Poll());
        AssertAsks(lone, 0, 3, 1);
        AssertAsks(lone, 1, 9, 4);
        foreach (int psn in new[] { 3, 9, 10, 11, 12 })
        {
            lone.Receive(lone.ReadResponse(Opcode.RcReadResponseMiddle, psn, 1024));
        }

        Assert.Equal(2, lone.Rings.SendsDone.Count);
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseLast, 23, 1024));
        Assert.Equal(3, lone.Rings.SendsDone.Count);
        Assert.Equal(0, lone.Window.InFlightBytes);
    }

    [Fact]
    public void A_write_between_reads_is_acknowledged_by_a_later_response_and_not_sent_again()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostRead(1, 2048);
        lone.PostWrite(2, 2048);
        lone.PostRead(3, 2048);
        Assert.Equal(4, lone.Poll());
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseFirst, 0, 1024));
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseFirst, 4, 1024));
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseLast, 5, 1024));
        Assert.Equal(1, lone.Poll());
        AssertAsks(lone, 0, 1, 1);
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseOnly, 1, 1024));
        Assert.Equal([1ul, 2ul, 3ul], lone.Rings.SendsDone.Select(done => done.Completion.WorkRequestId));
        Assert.Equal(0, lone.Window.InFlightBytes);
    }

    [Fact]
    public void A_request_missing_at_the_peer_is_sent_again_although_a_response_before_it_is_missing_here()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostRead(1, 2048);
        lone.PostWrite(2, 2048);
        Assert.Equal(3, lone.Poll());
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseLast, 1, 1024));
        lone.Receive(lone.Acknowledge(2, AethSyndrome.Nak(NakCode.PsnSequenceError)));
        Assert.Equal(2, lone.Poll());
        AssertAsks(lone, 0, 0, 1);
        Assert.Equal(Opcode.RcWriteFirst, lone.Sent[1].Opcode);
    }

    [Fact]
    public void A_part_that_is_asked_for_while_the_rest_is_still_being_sent_goes_before_the_rest()
    {
        var lone = new Lone(new DuoOptions());
        Packet request = lone.Request(Opcode.RcReadRequest, 0) with { DmaLength = 20 * 1024 };
        lone.Receive(request);
        Assert.Equal(8, lone.Poll(budget: 8));
        lone.Receive(request with { Psn = request.Psn + 2, RemoteAddress = lone.Base + 2048, DmaLength = 1024 });
        lone.Receive(request with { Psn = request.Psn + 5, RemoteAddress = lone.Base + 5120, DmaLength = 2048 });
        lone.Receive(request with { Psn = request.Psn + 10, RemoteAddress = lone.Base + 10240, DmaLength = 1024 });
        Assert.Equal(15, lone.Poll());
        int[] psns = [2, 5, 6, .. Enumerable.Range(8, 12)];
        Assert.Equal(psns, Enumerable.Range(0, 15).Select(i => lone.Sent[i].Psn.DistanceFrom(request.Psn)));
        Assert.Equal(Opcode.RcReadResponseOnly, lone.Sent[0].Opcode);
        Assert.Equal(Opcode.RcReadResponseFirst, lone.Sent[1].Opcode);
        Assert.Equal(Opcode.RcReadResponseLast, lone.Sent[2].Opcode);
        Assert.Equal(Opcode.RcReadResponseLast, lone.Sent[14].Opcode);
    }

    [Fact]
    public void An_atomic_response_beyond_a_hole_is_kept_and_its_atomic_not_sent_again()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostRead(1, 1024);
        lone.Post(Requests.FetchAdd(2, lone.Base + 4096, lone.Key, 0x1000, 0x99, 1));
        Assert.Equal(2, lone.Poll());
        lone.Receive(lone.ReadResponse(Opcode.RcAtomicAcknowledge, 1, 0) with { OriginalValue = 77 });
        Assert.Equal(1, lone.Poll());
        AssertAsks(lone, 0, 0, 1);
        lone.Receive(lone.ReadResponse(Opcode.RcReadResponseOnly, 0, 1024));
        Assert.Equal(2, lone.Rings.SendsDone.Count);
        Assert.Equal(77ul, lone.Host.Memory.ReadWord(lone.Base + 4096));
    }

    /// <summary>The packet sent is a READ request of these responses of the first READ's PSNs.</summary>
    private static void AssertAsks(Lone lone, int index, int psn, int packets)
    {
        ref Packet sent = ref lone.Sent[index];
        Assert.Equal(Opcode.RcReadRequest, sent.Opcode);
        Assert.Equal((psn, packets * 1024), (sent.Psn.DistanceFrom(new Psn(lone.Options.RequesterPsn)), (int)sent.DmaLength));
    }
}
