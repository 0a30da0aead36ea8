using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>Each operation on a network that loses nothing, over the wire's packets and over local runs.</summary>
public class OperationTests
{
    private const uint Seed = 77;

    public static TheoryData<int, int, bool> Shapes()
    {
        var data = new TheoryData<int, int, bool>();
        foreach (int mtu in new[] { 256, 512, 1024, 2048, 4096 })
        {
            foreach (int bytes in new[] { 0, 1, 7, 8, 255, 256, 257, 1024, 4096, 4097, 10_000, 300_000, 1_000_000 })
            {
                data.Add(mtu, bytes, false);
                data.Add(mtu, bytes, true);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_write_places_every_byte_and_no_other(int mtuBytes, int bytes, bool local)
    {
        var duo = new Duo(new DuoOptions { PathMtuBytes = mtuBytes, IsLocal = local });
        ulong source = duo.A.Memory.BaseAddress + 3;
        ulong target = duo.B.Memory.BaseAddress + 4091;
        duo.A.Memory.Fill(source, bytes, Seed);
        duo.Post(Requests.Write(1, source, (uint)bytes, duo.LocalKey, target, duo.RemoteKey));
        duo.Settle();
        Completion done = Assert.Single(duo.FirstRings.SendEntries);
        Assert.Equal((1ul, CompletionStatus.Success, CompletionOpcode.Write), (done.WorkRequestId, done.Status, done.Opcode));
        Assert.Equal(-1, duo.B.Memory.FindDifference(target, bytes, Seed));
        Assert.Equal(0, duo.B.Memory[target - 1]);
        Assert.Equal(0, duo.B.Memory[target + (uint)bytes]);
        Assert.Equal(bytes, duo.B.Memory.BytesWritten);
        duo.AssertWindowsEmpty();
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_send_fills_the_receive_buffer(int mtuBytes, int bytes, bool local)
    {
        var duo = new Duo(new DuoOptions { PathMtuBytes = mtuBytes, IsLocal = local });
        ulong source = duo.A.Memory.BaseAddress;
        ulong target = duo.B.Memory.BaseAddress + 13;
        duo.A.Memory.Fill(source, bytes, Seed);
        duo.PostReceive(9, target, (uint)bytes + 5);
        duo.Post(Requests.Send(1, source, (uint)bytes, duo.LocalKey));
        duo.Settle();
        Completion received = Assert.Single(duo.SecondRings.ReceivesDone);
        Assert.Equal((9ul, CompletionStatus.Success, CompletionOpcode.Receive), (received.WorkRequestId, received.Status, received.Opcode));
        Assert.Equal((uint)bytes, received.Bytes);
        Assert.Equal(CompletionFlags.None, received.Flags);
        Assert.Equal(-1, duo.B.Memory.FindDifference(target, bytes, Seed));
        Assert.Equal(CompletionStatus.Success, Assert.Single(duo.FirstRings.SendEntries).Status);
        duo.AssertWindowsEmpty();
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_read_brings_every_byte_and_no_other(int mtuBytes, int bytes, bool local)
    {
        var duo = new Duo(new DuoOptions { PathMtuBytes = mtuBytes, IsLocal = local });
        ulong target = duo.A.Memory.BaseAddress + 5;
        ulong source = duo.B.Memory.BaseAddress + 1001;
        duo.B.Memory.Fill(source, bytes, Seed);
        duo.Post(Requests.Read(1, target, (uint)bytes, duo.LocalKey, source, duo.RemoteKey));
        duo.Settle();
        Completion done = Assert.Single(duo.FirstRings.SendEntries);
        Assert.Equal((CompletionStatus.Success, CompletionOpcode.Read, (uint)bytes), (done.Status, done.Opcode, done.Bytes));
        Assert.Equal(-1, duo.A.Memory.FindDifference(target, bytes, Seed));
        Assert.Equal(bytes, duo.A.Memory.BytesWritten);
        duo.AssertWindowsEmpty();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Atomics_return_the_value_before_and_change_memory_once(bool local)
    {
        var duo = new Duo(new DuoOptions { IsLocal = local });
        ulong word = duo.B.Memory.BaseAddress + 64;
        ulong result = duo.A.Memory.BaseAddress + 128;
        duo.B.Memory.WriteWord(word, 40);
        duo.Post(Requests.FetchAdd(1, result, duo.LocalKey, word, duo.RemoteKey, 2));
        duo.Post(Requests.CompareSwap(2, result + 8, duo.LocalKey, word, duo.RemoteKey, 42, 7));
        duo.Post(Requests.CompareSwap(3, result + 16, duo.LocalKey, word, duo.RemoteKey, 42, 8));
        duo.Post(Requests.FetchAdd(4, result + 24, duo.LocalKey, word, duo.RemoteKey, ulong.MaxValue));
        duo.Settle();
        Assert.Equal([1ul, 2, 3, 4], duo.FirstRings.SendEntries.Select(done => done.WorkRequestId));
        Assert.All(duo.FirstRings.SendEntries, done => Assert.Equal((CompletionStatus.Success, 8u), (done.Status, done.Bytes)));
        ulong[] results = [.. Enumerable.Range(0, 4).Select(i => duo.A.Memory.ReadWord(result + (uint)(8 * i)))];
        Assert.Equal([40ul, 42, 7, 7], results);
        Assert.Equal(6ul, duo.B.Memory.ReadWord(word));
        duo.AssertWindowsEmpty();
    }

    [Theory]
    [InlineData(WorkOpcode.SendWithImmediate, 0u)]
    [InlineData(WorkOpcode.SendWithImmediate, 5000u)]
    [InlineData(WorkOpcode.WriteWithImmediate, 0u)]
    [InlineData(WorkOpcode.WriteWithImmediate, 5000u)]
    public void Immediate_data_and_the_solicited_bit_reach_the_receive_completion(WorkOpcode opcode, uint bytes)
    {
        var duo = new Duo(new DuoOptions());
        ulong target = duo.B.Memory.BaseAddress;
        duo.A.Memory.Fill(duo.A.Memory.BaseAddress, (int)bytes, Seed);
        duo.PostReceive(5, target, 8192);
        duo.Post(Requests.Make(opcode, 1, duo.A.Memory.BaseAddress, bytes, duo.LocalKey) with
        {
            Flags = SendFlags.Signaled | SendFlags.Solicited,
            ImmediateOrKey = 0xDEADBEEF,
            RemoteAddress = target,
            RemoteKey = duo.RemoteKey,
        });
        duo.Settle();
        Completion received = Assert.Single(duo.SecondRings.ReceivesDone);
        Assert.Equal(
            opcode == WorkOpcode.SendWithImmediate ? CompletionOpcode.Receive : CompletionOpcode.ReceiveWriteWithImmediate, received.Opcode);
        Assert.Equal(CompletionFlags.WithImmediate, received.Flags);
        Assert.Equal(0xDEADBEEF, received.ImmediateOrKey);
        Assert.Equal(bytes, received.Bytes);
        Assert.True(received.Solicited);
        Assert.Equal(-1, duo.B.Memory.FindDifference(target, (int)bytes, Seed));
    }

    [Fact]
    public void A_send_with_invalidate_takes_the_key_away()
    {
        var duo = new Duo(new DuoOptions());
        uint victim = duo.B.Memory.RegisterAll(Duo.AllAccess);
        duo.PostReceive(5, duo.B.Memory.BaseAddress, 64);
        duo.Post(Requests.Make(WorkOpcode.SendWithInvalidate, 1, duo.A.Memory.BaseAddress, 16, duo.LocalKey) with { ImmediateOrKey = victim });
        duo.Settle();
        Completion received = Assert.Single(duo.SecondRings.ReceivesDone);
        Assert.Equal((CompletionFlags.WithInvalidate, victim), (received.Flags, received.ImmediateOrKey));
        Assert.Contains(victim, duo.B.InvalidatedKeys);
    }

    [Fact]
    public void Inline_data_is_what_it_was_when_it_was_posted()
    {
        var duo = new Duo(new DuoOptions());
        byte[] data = [.. Enumerable.Range(1, ScatterGatherList.InlineCapacityBytes).Select(i => (byte)i)];
        SendWorkRequest request = Requests.Write(1, 0, 0, 0, duo.B.Memory.BaseAddress, duo.RemoteKey) with
        {
            Flags = SendFlags.Signaled | SendFlags.Inline, TotalBytes = (uint)data.Length,
        };
        data.CopyTo(System.Runtime.InteropServices.MemoryMarshal.AsBytes((Span<ScatterGatherEntry>)request.Sges));
        duo.Post(request);
        duo.Settle();
        Assert.Equal(CompletionStatus.Success, Assert.Single(duo.FirstRings.SendEntries).Status);
        Assert.Equal(data, Enumerable.Range(0, data.Length).Select(i => duo.B.Memory[duo.B.Memory.BaseAddress + (uint)i]));
    }

    [Fact]
    public void Scattered_entries_are_gathered_and_filled_in_order()
    {
        var duo = new Duo(new DuoOptions { PathMtuBytes = 256 });
        var request = Requests.Send(1, 0, 0, 0);
        var receive = new ReceiveWorkRequest { WorkRequestId = 2, SgeCount = 3, TotalBytes = 2400 };
        uint[] lengths = [1, 0, 300, 7, 1000, 256, 3];
        uint offset = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            ulong address = duo.A.Memory.BaseAddress + ((ulong)i * 5000) + 9;
            for (uint b = 0; b < lengths[i]; b++)
            {
                duo.A.Memory[address + b] = FlatMemory.Pattern(Seed, (int)(offset + b));
            }

            request.Sges[i] = new ScatterGatherEntry { Address = address, Length = lengths[i], LocalKey = duo.LocalKey };
            offset += lengths[i];
        }

        for (int i = 0; i < 3; i++)
        {
            receive.Sges[i] = new ScatterGatherEntry
            {
                Address = duo.B.Memory.BaseAddress + ((ulong)i * 9000), Length = 800, LocalKey = duo.RemoteKey,
            };
        }

        duo.SecondRings.Receives.Enqueue(receive);
        duo.Post(request with { SgeCount = (byte)lengths.Length, TotalBytes = offset });
        duo.Settle();
        Assert.Equal(offset, Assert.Single(duo.SecondRings.ReceivesDone).Bytes);
        for (int i = 0; i < offset; i++)
        {
            Assert.Equal(FlatMemory.Pattern(Seed, i), duo.B.Memory[duo.B.Memory.BaseAddress + (ulong)(i / 800 * 9000) + (ulong)(i % 800)]);
        }
    }

    [Fact]
    public void Unsignalled_requests_finish_in_order_and_write_no_entry()
    {
        var duo = new Duo(new DuoOptions { SignalAll = false });
        for (ulong id = 0; id < 10; id++)
        {
            duo.Post(Requests.Write(id, duo.A.Memory.BaseAddress, 8, duo.LocalKey, duo.B.Memory.BaseAddress, duo.RemoteKey) with
            {
                Flags = id == 9 ? SendFlags.Signaled : SendFlags.None,
            });
        }

        duo.Settle();
        Assert.Equal(Enumerable.Range(0, 10).Select(i => (ulong)i), duo.FirstRings.SendsDone.Select(done => done.Completion.WorkRequestId));
        Assert.Equal(9ul, Assert.Single(duo.FirstRings.SendEntries).WorkRequestId);
    }

    [Fact]
    public void A_fenced_request_waits_for_the_reads_before_it()
    {
        var duo = new Duo(new DuoOptions());
        duo.Post(Requests.Read(1, duo.A.Memory.BaseAddress, 4000, duo.LocalKey, duo.B.Memory.BaseAddress, duo.RemoteKey));
        duo.Post(Requests.Write(2, duo.A.Memory.BaseAddress, 8, duo.LocalKey, duo.B.Memory.BaseAddress, duo.RemoteKey) with
        {
            Flags = SendFlags.Signaled | SendFlags.Fence,
        });
        duo.PollA();
        Assert.Equal(1, duo.FromA.Count);
        Assert.Equal(Opcode.RcReadRequest, duo.FromA[0].Opcode);
        duo.DeliverToB();
        duo.PollB();
        duo.DeliverToA();
        duo.PollA();
        Assert.Equal(Opcode.RcWriteOnly, duo.FromA[0].Opcode);
        duo.Settle();
        Assert.Equal([1ul, 2], duo.FirstRings.SendEntries.Select(done => done.WorkRequestId));
    }

    [Fact]
    public void Reads_and_atomics_under_way_never_exceed_the_initiator_depth()
    {
        var duo = new Duo(new DuoOptions { MaxRdAtomic = 3, MaxDestinationRdAtomic = 3 });
        for (ulong id = 0; id < 20; id++)
        {
            duo.Post(id % 2 == 0
                ? Requests.Read(id, duo.A.Memory.BaseAddress, 100, duo.LocalKey, duo.B.Memory.BaseAddress, duo.RemoteKey)
                : Requests.FetchAdd(id, duo.A.Memory.BaseAddress, duo.LocalKey, duo.B.Memory.BaseAddress, duo.RemoteKey, 1));
        }

        while (duo.FirstRings.SendsDone.Count < 20)
        {
            duo.PollA();
            Assert.InRange(duo.FromA.Count, 1, 3);
            duo.DeliverToB();
            duo.PollB();
            duo.DeliverToA();
        }

        Assert.All(duo.FirstRings.SendEntries, done => Assert.Equal(CompletionStatus.Success, done.Status));
        Assert.Equal(10ul, duo.B.Memory.ReadWord(duo.B.Memory.BaseAddress));
    }

    [Fact]
    public void A_local_write_that_fits_a_run_is_a_single_packet()
    {
        var duo = new Duo(new DuoOptions { IsLocal = true, PathMtuBytes = 1024 });
        duo.Post(Requests.Write(1, duo.A.Memory.BaseAddress, 65_000, duo.LocalKey, duo.B.Memory.BaseAddress, duo.RemoteKey));
        duo.PollA();
        Assert.Equal(1, duo.FromA.Count);
        Assert.Equal((Opcode.RcWriteOnly, 64), (duo.FromA[0].Opcode, duo.FromA[0].PsnCount));
    }
}
