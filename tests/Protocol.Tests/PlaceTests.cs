using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>Where middle packets belong, asked before they are known to be intact.</summary>
public unsafe class PlaceTests
{
    private const int MtuBytes = 1024;

    private readonly Lone _lone = new(new DuoOptions());
    private readonly MemorySegment[] _segments = GC.AllocateArray<MemorySegment>(32, pinned: true);

    private Packet Run(Opcode opcode, int psnOffset, int packets)
    {
        Packet run = opcode == Opcode.RcReadResponseMiddle
            ? _lone.ReadResponse(opcode, psnOffset, packets * MtuBytes)
            : _lone.Request(opcode, psnOffset, packets * MtuBytes);
        run.PsnCount = packets;
        run.Segments = (MemorySegment*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _segments[0]);
        run.SegmentCount = _segments.Length;
        return run;
    }

    private bool Finds(ref Packet run, Gid? source = null) => _lone.Qp.TryFindPlace(ref run, source ?? _lone.Peer);

    private void AssertNoPlace(Opcode opcode, int psnOffset, int packets = 1)
    {
        Packet run = Run(opcode, psnOffset, packets);
        Assert.False(Finds(ref run));
    }

    /// <summary>Puts a pattern into the place, as a link does, and hands the run over.</summary>
    private void Fill(Packet run, byte seed)
    {
        int offset = 0;
        for (int i = 0; i < run.SegmentCount; i++)
        {
            for (int j = 0; j < run.Segments[i].Bytes; j++)
            {
                run.Segments[i].Address[j] = FlatMemory.Pattern(seed, offset++);
            }
        }

        Assert.Equal((run.PayloadBytes, run.PsnCount * MtuBytes), (offset, offset));
        _lone.Qp.HandlePacket(run, _lone.Peer, _lone.NowNs);
    }

    private void BeginWrite(int packets) =>
        _lone.Receive(_lone.Request(Opcode.RcWriteFirst, 0, MtuBytes) with { DmaLength = (uint)(packets * MtuBytes) });

    [Fact]
    public void Middles_of_a_write_belong_behind_what_came_before_and_the_last_packet_is_none_of_them()
    {
        BeginWrite(packets: 8);
        Packet run = Run(Opcode.RcWriteMiddle, 1, 20);
        Assert.True(Finds(ref run));
        Assert.Equal((6, 6 * MtuBytes), (run.PsnCount, run.PayloadBytes));
        Fill(run, seed: 9);
        AssertNoPlace(Opcode.RcWriteMiddle, 7);
        _lone.Receive(_lone.Request(Opcode.RcWriteLast, 7, MtuBytes));

        _lone.AssertAnswers(AethSyndrome.Ack(), 7);
        Assert.Equal(-1, _lone.Host.Memory.FindDifference(_lone.Base + MtuBytes, 6 * MtuBytes, seed: 9));
    }

    [Fact]
    public void Only_the_packet_that_is_expected_next_has_a_place()
    {
        AssertNoPlace(Opcode.RcWriteMiddle, 0);
        BeginWrite(packets: 8);
        AssertNoPlace(Opcode.RcWriteMiddle, 0);
        AssertNoPlace(Opcode.RcWriteMiddle, 2);
        AssertNoPlace(Opcode.RcSendMiddle, 1);
        AssertNoPlace(Opcode.RcReadResponseMiddle, 0);
        Packet run = Run(Opcode.RcWriteMiddle, 1, 2);
        Assert.False(Finds(ref run, source: Gid.FromIPv4(0x7F00_0099)));
        run = Run(Opcode.RcWriteMiddle, 1, 2) with { PayloadBytes = 2 * MtuBytes - 1 };
        Assert.False(Finds(ref run));
        run = Run(Opcode.RcWriteMiddle, 1, 2) with { PartitionKey = 0x1234 };
        Assert.False(Finds(ref run));
        run = Run(Opcode.RcWriteMiddle, 1, 2);
        Assert.True(Finds(ref run));
    }

    [Fact]
    public void What_waits_behind_a_hole_keeps_those_before_it_from_a_place()
    {
        BeginWrite(packets: 8);
        _lone.Receive(_lone.Request(Opcode.RcWriteMiddle, 3, MtuBytes));
        AssertNoPlace(Opcode.RcWriteMiddle, 1, 2);
    }

    [Fact]
    public void A_region_that_is_gone_has_no_place()
    {
        BeginWrite(packets: 8);
        _lone.Host.Memory.Deregister(_lone.Key);
        AssertNoPlace(Opcode.RcWriteMiddle, 1);
    }

    [Fact]
    public void A_question_changes_nothing()
    {
        BeginWrite(packets: 4);
        for (int i = 0; i < 3; i++)
        {
            Packet run = Run(Opcode.RcWriteMiddle, 1, 2);
            Assert.True(Finds(ref run));
        }

        _lone.Receive(_lone.Request(Opcode.RcWriteMiddle, 1, MtuBytes));
        _lone.Receive(_lone.Request(Opcode.RcWriteMiddle, 2, MtuBytes));
        _lone.Receive(_lone.Request(Opcode.RcWriteLast, 3, MtuBytes));
        _lone.AssertAnswers(AethSyndrome.Ack(), 3);
        Assert.Equal(4 * MtuBytes, _lone.Host.Memory.BytesWritten);
    }

    [Fact]
    public void Middles_of_a_send_fill_the_receive_and_not_more()
    {
        _lone.PostReceive(1, (uint)(3 * MtuBytes + 10), offset: 100);
        _lone.Receive(_lone.Request(Opcode.RcSendFirst, 0, MtuBytes));
        Packet run = Run(Opcode.RcSendMiddle, 1, 20);
        Assert.True(Finds(ref run));
        Assert.Equal(2, run.PsnCount);
        Fill(run, seed: 3);
        AssertNoPlace(Opcode.RcSendMiddle, 3);
        _lone.Receive(_lone.Request(Opcode.RcSendLast, 3, 10));
        Completion done = Assert.Single(_lone.Rings.ReceivesDone);
        Assert.Equal((CompletionStatus.Success, (uint)(3 * MtuBytes + 10)), (done.Status, done.Bytes));
        Assert.Equal(-1, _lone.Host.Memory.FindDifference(_lone.Base + 100 + MtuBytes, 2 * MtuBytes, seed: 3));
    }

    [Fact]
    public void Responses_of_a_read_that_are_expected_next_belong_into_its_entries()
    {
        _lone.PostRead(1, 8 * MtuBytes);
        _lone.Poll();
        AssertNoPlace(Opcode.RcReadResponseMiddle, 1);
        _lone.Receive(_lone.ReadResponse(Opcode.RcReadResponseFirst, 0, MtuBytes));
        AssertNoPlace(Opcode.RcReadResponseMiddle, 2);
        Packet run = Run(Opcode.RcReadResponseMiddle, 1, 20);
        Assert.True(Finds(ref run));
        Assert.Equal(6, run.PsnCount);
        Fill(run, seed: 4);
        AssertNoPlace(Opcode.RcReadResponseMiddle, 7);
        _lone.Receive(_lone.ReadResponse(Opcode.RcReadResponseLast, 7, MtuBytes));
        Assert.Equal(CompletionStatus.Success, Assert.Single(_lone.Rings.SendEntries).Status);
        Assert.Equal(-1, _lone.Host.Memory.FindDifference(_lone.Base + MtuBytes, 6 * MtuBytes, seed: 4));
        Assert.Equal(0, _lone.Window.InFlightBytes);
    }

    [Fact]
    public void Responses_while_others_behind_them_are_placed_already_go_the_general_way()
    {
        _lone.PostRead(1, 8 * MtuBytes);
        _lone.Poll();
        _lone.Receive(_lone.ReadResponse(Opcode.RcReadResponseMiddle, 3, MtuBytes));
        AssertNoPlace(Opcode.RcReadResponseMiddle, 0, 2);
    }
}
