using System.Buffers.Binary;
using RoceEngine.Abi;
using RoceEngine.Wire;

namespace Device.Tests;

/// <summary>Two devices back to back, in each way that a guest can be: the stock driver and the extension, memory in a row and scattered, packets and runs.</summary>
public sealed class BackToBackTests
{
    private const ExtensionBits AllBits = ExtensionBits.Inline | ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord;

    public static TheoryData<ExtensionBits, bool, bool> Guests => new()
    {
        { ExtensionBits.None, false, false },
        { ExtensionBits.None, true, false },
        { AllBits, false, false },
        { AllBits, true, false },
        { AllBits, false, true },
        { AllBits, true, true },
    };

    private static DevicePair Pair(ExtensionBits extension, bool scattered, bool isLocal) =>
        new(new GuestOptions { Extension = extension, Scattered = scattered, IsLocal = isLocal });

    [Theory]
    [MemberData(nameof(Guests))]
    public void A_send_arrives_and_completes_on_both_sides(ExtensionBits extension, bool scattered, bool isLocal)
    {
        using DevicePair pair = Pair(extension, scattered, isLocal);
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        a.Region.Fill(1);
        b.Qp.PostReceive(77, b.Region.Sge(100, 5000), b.Region.Sge(20000, 5000));
        a.Qp.PostSend(
            new PvrdmaSendWqe
            {
                WorkRequestId = 55,
                Opcode = (uint)PvrdmaWrOpcode.SendWithImmediate,
                Flags = (uint)(PvrdmaSendFlags.Signaled | PvrdmaSendFlags.Solicited),
                ImmediateOrKey = BinaryPrimitives.ReverseEndianness(0xCAFEBABE),
            },
            a.Region.Sge(0, 3000),
            a.Region.Sge(10000, 4000));
        pair.Run();

        PvrdmaCqe sent = Assert.Single(a.Cq.PollAll());
        Assert.Equal((55ul, (ulong)a.Qp.Handle, (uint)PvrdmaWcOpcode.Send, (uint)PvrdmaWcStatus.Success),
            (sent.WorkRequestId, sent.QpHandle, sent.Opcode, sent.Status));

        PvrdmaCqe received = Assert.Single(b.Cq.PollAll());
        Assert.Equal((77ul, (ulong)b.Qp.Handle, (uint)PvrdmaWcOpcode.Receive, (uint)PvrdmaWcStatus.Success, 7000u),
            (received.WorkRequestId, received.QpHandle, received.Opcode, received.Status, received.ByteLength));
        Assert.Equal((uint)PvrdmaWcFlags.WithImmediate, received.Flags);
        Assert.Equal(BinaryPrimitives.ReverseEndianness(0xCAFEBABE), received.ImmediateOrKey);

        byte[] data = [.. a.Region.ToArray(0, 3000), .. a.Region.ToArray(10000, 4000)];
        byte[] arrived = [.. b.Region.ToArray(100, 5000), .. b.Region.ToArray(20000, 2000)];
        Assert.Equal(data, arrived);
    }

    [Theory]
    [MemberData(nameof(Guests))]
    public void A_write_and_a_read_move_every_byte(ExtensionBits extension, bool scattered, bool isLocal)
    {
        using DevicePair pair = Pair(extension, scattered, isLocal);
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        a.Region.Fill(7);
        byte[] original = a.Region.ToArray(0, 30000);
        a.Qp.PostSend(Rdma(PvrdmaWrOpcode.RdmaWrite, 1, b, 4321), a.Region.Sge(0, 30000));
        a.Qp.PostSend(Rdma(PvrdmaWrOpcode.RdmaRead, 2, b, 4321), a.Region.Sge(33000, 30000));
        pair.Run();

        List<PvrdmaCqe> done = a.Cq.PollAll();
        Assert.Equal([1ul, 2ul], done.Select(entry => entry.WorkRequestId));
        Assert.All(done, entry => Assert.Equal((uint)PvrdmaWcStatus.Success, entry.Status));
        Assert.Equal([(uint)PvrdmaWcOpcode.RdmaWrite, (uint)PvrdmaWcOpcode.RdmaRead], done.Select(entry => entry.Opcode));
        Assert.Empty(b.Cq.PollAll());
        Assert.Equal(original, b.Region.ToArray(4321, 30000));
        Assert.Equal(original, a.Region.ToArray(33000, 30000));
    }

    [Theory]
    [MemberData(nameof(Guests))]
    public unsafe void Atomics_act_once_and_return_what_was_there(ExtensionBits extension, bool scattered, bool isLocal)
    {
        using DevicePair pair = Pair(extension, scattered, isLocal);
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect(start: 0x7000_0000_0000);
        *(ulong*)b.Region.At(512) = 40;
        a.Qp.PostSend(Atomic(PvrdmaWrOpcode.AtomicFetchAdd, 1, b, 512, compareOrAdd: 2, swap: 0), a.Region.Sge(0, 8));
        a.Qp.PostSend(Atomic(PvrdmaWrOpcode.AtomicCompareSwap, 2, b, 512, compareOrAdd: 42, swap: 99), a.Region.Sge(8, 8));
        a.Qp.PostSend(Atomic(PvrdmaWrOpcode.AtomicCompareSwap, 3, b, 512, compareOrAdd: 42, swap: 5), a.Region.Sge(16, 8));
        pair.Run();

        List<PvrdmaCqe> done = a.Cq.PollAll();
        Assert.Equal([(uint)PvrdmaWcOpcode.FetchAdd, (uint)PvrdmaWcOpcode.CompareSwap, (uint)PvrdmaWcOpcode.CompareSwap], done.Select(entry => entry.Opcode));
        Assert.All(done, entry => Assert.Equal((uint)PvrdmaWcStatus.Success, entry.Status));
        Assert.Equal((40ul, 42ul, 99ul), (*(ulong*)a.Region.At(0), *(ulong*)a.Region.At(8), *(ulong*)a.Region.At(16)));
        Assert.Equal(99ul, *(ulong*)b.Region.At(512));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Inline_data_is_sent_as_it_was_when_posted(bool isLocal)
    {
        using DevicePair pair = Pair(AllBits, scattered: false, isLocal);
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        b.Qp.PostReceive(1, b.Region.Sge(0, 100));
        byte[] data = [.. Enumerable.Range(3, 61).Select(i => (byte)i)];
        a.Qp.PostInline(new PvrdmaSendWqe { WorkRequestId = 9, Opcode = (uint)PvrdmaWrOpcode.Send, Flags = (uint)PvrdmaSendFlags.Signaled }, data);
        pair.Run();
        Assert.Equal((uint)PvrdmaWcStatus.Success, Assert.Single(a.Cq.PollAll()).Status);
        Assert.Equal(61u, Assert.Single(b.Cq.PollAll()).ByteLength);
        Assert.Equal(data, b.Region.ToArray(0, 61));
    }

    [Fact]
    public void Inline_from_the_stock_driver_is_refused_because_it_was_not_enabled()
    {
        using DevicePair pair = Pair(ExtensionBits.None, scattered: false, isLocal: false);
        (DevicePair.Endpoint a, _) = pair.Connect();
        a.Qp.PostInline(new PvrdmaSendWqe { WorkRequestId = 9, Opcode = (uint)PvrdmaWrOpcode.Send }, [1, 2, 3]);
        pair.Run();
        Assert.Equal((uint)PvrdmaWcStatus.LocalQpOperationError, Assert.Single(a.Cq.PollAll()).Status);
    }

    [Theory]
    [MemberData(nameof(Guests))]
    public void Unsignalled_requests_free_their_slots_and_write_no_entry(ExtensionBits extension, bool scattered, bool isLocal)
    {
        using DevicePair pair = Pair(extension, scattered, isLocal);
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        for (int round = 0; round < 10; round++)
        {
            // More than the queue holds in all, so every slot is used again and again.
            for (int i = 0; i < 64; i++)
            {
                PvrdmaSendWqe write = Rdma(PvrdmaWrOpcode.RdmaWrite, (ulong)i, b, i * 8);
                write.Flags = i == 63 ? (uint)PvrdmaSendFlags.Signaled : 0;
                a.Qp.PostSend(write, a.Region.Sge(i * 8, 8));
            }

            pair.Run();
            Assert.Equal(63ul, Assert.Single(a.Cq.PollAll()).WorkRequestId);
        }
    }

    [Fact]
    public void A_lost_packet_is_sent_again_after_the_timeout_and_completes_once()
    {
        using DevicePair pair = Pair(AllBits, scattered: false, isLocal: false);
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        a.Region.Fill(3);
        int dropped = 0;
        pair.Drop = packet => packet.Opcode == Opcode.RcWriteOnly && dropped++ == 0;
        a.Qp.PostSend(Rdma(PvrdmaWrOpcode.RdmaWrite, 1, b, 0), a.Region.Sge(0, 100));
        pair.Run();
        Assert.Empty(a.Cq.PollAll());
        Assert.True(pair.PassTime());
        Assert.Equal((uint)PvrdmaWcStatus.Success, Assert.Single(a.Cq.PollAll()).Status);
        Assert.Equal(a.Region.ToArray(0, 100), b.Region.ToArray(0, 100));
        Assert.Equal(2, dropped);
    }

    [Fact]
    public void A_peer_that_is_silent_ends_in_retry_exceeded_and_the_rest_is_flushed()
    {
        using DevicePair pair = Pair(AllBits, scattered: false, isLocal: false);
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect(timeout: 8, retries: 2);
        pair.Drop = _ => true;
        a.Qp.PostSend(Rdma(PvrdmaWrOpcode.RdmaWrite, 1, b, 0), a.Region.Sge(0, 100));
        a.Qp.PostSend(Rdma(PvrdmaWrOpcode.RdmaWrite, 2, b, 0), a.Region.Sge(0, 100));
        pair.Run();
        while (pair.PassTime())
        {
        }

        Assert.Equal(
            [(1ul, (uint)PvrdmaWcStatus.RetryExceededError), (2ul, (uint)PvrdmaWcStatus.FlushError)],
            a.Cq.PollAll().Select(entry => (entry.WorkRequestId, entry.Status)));
        Assert.Equal((uint)PvrdmaQpState.Error, a.Qp.Query().State);
        Assert.True(a.Guest.Device.Statistics.ByStatus[(int)PvrdmaWcStatus.RetryExceededError] == 1);
    }

    [Fact]
    public void A_wrong_remote_key_is_an_access_error_for_the_requester_alone()
    {
        using DevicePair pair = Pair(AllBits, scattered: false, isLocal: false);
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        PvrdmaSendWqe write = Rdma(PvrdmaWrOpcode.RdmaWrite, 1, b, 0);
        write.RdmaRemoteKey ^= 1;
        a.Qp.PostSend(write, a.Region.Sge(0, 100));
        pair.Run();
        Assert.Equal((uint)PvrdmaWcStatus.RemoteAccessError, Assert.Single(a.Cq.PollAll()).Status);
        Assert.Equal(new byte[100], b.Region.ToArray(0, 100));
        Assert.Contains(b.Guest.ReadEvents(), entry => entry.Info == b.Qp.Handle && entry.Type == (uint)PvrdmaEvent.QpAccessError);
    }

    [Fact]
    public void A_queue_pair_that_was_reset_works_again_from_index_zero()
    {
        using DevicePair pair = Pair(AllBits, scattered: true, isLocal: false);
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        for (int round = 0; round < 3; round++)
        {
            a.Qp.PostSend(Rdma(PvrdmaWrOpcode.RdmaWrite, (ulong)round, b, 0), a.Region.Sge(0, 100));
            pair.Run();
            Assert.Equal((ulong)round, Assert.Single(a.Cq.PollAll()).WorkRequestId);
            foreach ((DevicePair.Endpoint here, DevicePair.Endpoint there) in new[] { (a, b), (b, a) })
            {
                Assert.Equal(PvrdmaCommandError.None, here.Qp.ModifyState(PvrdmaQpState.Reset));
                here.Qp.ResetIndices();
                here.Qp.ToInit();
                here.Qp.ToReadyToReceive(there.Guest.Device.Gid, there.Qp.Qpn);
                here.Qp.ToReadyToSend();
            }
        }
    }

    [Fact]
    public void Counters_tell_what_passed()
    {
        using DevicePair pair = Pair(AllBits, scattered: false, isLocal: false);
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        a.Qp.PostSend(Rdma(PvrdmaWrOpcode.RdmaWrite, 1, b, 0), a.Region.Sge(0, 10240));
        pair.Run();
        Assert.Equal(10ul, a.Guest.Device.Statistics.TransmittedPackets);
        Assert.Equal(10240ul, a.Guest.Device.Statistics.TransmittedBytes);
        Assert.Equal(10ul, b.Guest.Device.Statistics.ReceivedPackets);
        Assert.Equal(10240ul, b.Guest.Device.Statistics.ReceivedBytes);
        Assert.Equal(1ul, a.Guest.Device.Statistics.SendsFetched);
        Assert.Equal(1ul, a.Guest.Device.Statistics.Completions);
        Assert.Equal(1ul, a.Guest.Device.Statistics.SendDoorbells);
        Assert.Equal(1ul, a.Guest.Device.Statistics.ByStatus[0]);
    }

    internal static PvrdmaSendWqe Rdma(PvrdmaWrOpcode opcode, ulong id, DevicePair.Endpoint remote, int offset) => new()
    {
        WorkRequestId = id,
        Opcode = (uint)opcode,
        Flags = (uint)PvrdmaSendFlags.Signaled,
        RemoteAddress = remote.Region.Start + (ulong)offset,
        RdmaRemoteKey = remote.Region.Key,
    };

    private static PvrdmaSendWqe Atomic(PvrdmaWrOpcode opcode, ulong id, DevicePair.Endpoint remote, int offset, ulong compareOrAdd, ulong swap) => new()
    {
        WorkRequestId = id,
        Opcode = (uint)opcode,
        Flags = (uint)PvrdmaSendFlags.Signaled,
        RemoteAddress = remote.Region.Start + (ulong)offset,
        AtomicCompareOrAdd = compareOrAdd,
        AtomicSwap = swap,
        AtomicRemoteKey = remote.Region.Key,
    };
}
