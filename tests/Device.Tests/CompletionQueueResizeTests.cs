using RoceEngine.Abi;
using RoceEngine.Device;

namespace Device.Tests;

/// <summary>A CQ that goes on in other pages loses nothing, doubles nothing and stays armed.</summary>
public sealed unsafe class CompletionQueueResizeTests
{
    private const ExtensionBits AllBits = ExtensionBits.Inline | ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord | ExtensionBits.ExtendedVerbs;

    [Theory]
    [InlineData(8u, false)]
    [InlineData(16u, true)]
    [InlineData(64u, false)]
    [InlineData(1024u, true)]
    public void Unread_entries_move_in_order(uint entries, bool scattered)
    {
        using DevicePair pair = Pair(scattered);
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        Assert.Equal(PvrdmaCommandError.None, a.Cq.Resize(16));
        ulong next = 0;
        ulong expected = 0;

        // Each round begins at another index of the ring, the last ones beyond its end.
        for (int round = 0; round < 12; round++)
        {
            for (int i = 0; i < 7; i++)
            {
                Write(pair, a, b, next++);
            }

            Assert.True(a.Cq.TryPoll(out PvrdmaCqe first));
            Assert.Equal(expected++, first.WorkRequestId);
            Assert.Equal(PvrdmaCommandError.None, a.Cq.Resize(round % 2 == 0 ? entries : 16));
            Write(pair, a, b, next++);
            foreach (PvrdmaCqe entry in a.Cq.PollAll())
            {
                Assert.Equal(expected++, entry.WorkRequestId);
            }

            Assert.Equal(next, expected);
        }
    }

    [Fact]
    public void More_entries_are_unread_than_the_new_pages_hold()
    {
        using DevicePair pair = Pair();
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        for (ulong i = 0; i < 5; i++)
        {
            Write(pair, a, b, i);
        }

        long pinned = pair.A.Device.PinnedPages;
        Assert.Equal(PvrdmaCommandError.InvalidArgument, a.Cq.Resize(4));
        Assert.Equal(pinned, pair.A.Device.PinnedPages);
        a.Cq.TryPoll(out _);
        Assert.Equal(PvrdmaCommandError.None, a.Cq.Resize(4));
        Assert.Equal([1ul, 2ul, 3ul, 4ul], a.Cq.PollAll().Select(entry => entry.WorkRequestId));
    }

    [Fact]
    public void A_full_queue_of_the_new_size_overruns_at_the_next_entry_and_not_before()
    {
        using DevicePair pair = Pair();
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        Assert.Equal(PvrdmaCommandError.None, a.Cq.Resize(4));
        for (ulong i = 0; i < 4; i++)
        {
            Write(pair, a, b, i);
        }

        Assert.Equal((uint)PvrdmaQpState.ReadyToSend, a.Qp.Query().State);
        Write(pair, a, b, 4);
        pair.Run();
        Assert.Equal((uint)PvrdmaQpState.Error, a.Qp.Query().State);
        Assert.Contains(pair.A.ReadEvents(), entry => entry.Type == (uint)PvrdmaEvent.CqError && entry.Info == a.Cq.Handle);

        // A CQ that overran stays in error.
        Assert.Equal(PvrdmaCommandError.InvalidArgument, a.Cq.Resize(64));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_queue_that_was_armed_is_still_armed(bool solicited)
    {
        using DevicePair pair = Pair();
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        CompletionQueuePage* before = b.Cq.Page;
        b.Cq.Arm(solicited);
        Assert.Equal(PvrdmaCommandError.None, b.Cq.Resize(512));
        Assert.Equal(CompletionQueuePage.ArmedNone, before->ArmWord);
        b.Qp.PostReceive(1, b.Region.Sge(0, 64));
        a.Qp.PostSend(new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.Send, Flags = (uint)PvrdmaSendFlags.Solicited }, a.Region.Sge(0, 8));
        pair.Run();
        Assert.True(pair.B.TryReadNotification(out uint handle));
        Assert.Equal(b.Cq.Handle, handle);
    }

    [Fact]
    public void Pages_count_against_the_quota_only_once()
    {
        using DevicePair pair = Pair();
        (DevicePair.Endpoint a, _) = pair.Connect();
        long pinned = pair.A.Device.PinnedPages;
        Assert.Equal(PvrdmaCommandError.None, a.Cq.Resize(1024));
        Assert.Equal(pinned + ((1024 - 256) * 64 / 4096), pair.A.Device.PinnedPages);
        Assert.Equal(1024u, pair.A.Device.ListCompletionQueues().Single().Entries);
        Assert.Equal(PvrdmaCommandError.None, a.Cq.Resize(256));
        Assert.Equal(pinned, pair.A.Device.PinnedPages);
    }

    [Theory]
    [InlineData("handle", PvrdmaCommandError.NoSuchObject)]
    [InlineData("entries 0", PvrdmaCommandError.InvalidArgument)]
    [InlineData("entries odd", PvrdmaCommandError.InvalidArgument)]
    [InlineData("entries huge", PvrdmaCommandError.InvalidArgument)]
    [InlineData("pages short", PvrdmaCommandError.InvalidArgument)]
    [InlineData("directory", PvrdmaCommandError.BadAddress)]
    [InlineData("consumer", PvrdmaCommandError.InvalidArgument)]
    public void A_resize_that_lies_is_refused_and_the_queue_goes_on(string lie, PvrdmaCommandError expected)
    {
        using DevicePair pair = Pair();
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        ulong[] pages = pair.A.Memory.AllocatePages(9);
        var request = new PvrdmaResizeCqPages
        {
            CqHandle = a.Cq.Handle, DirectoryAddress = pair.A.Memory.Directory(pages), EntryCount = 512, PageCount = 9,
        };
        uint head = PvrdmaRing.ReadConsumer(a.Cq.Ring);
        switch (lie)
        {
            case "handle": request.CqHandle = 99; break;
            case "entries 0": request.EntryCount = 0; break;
            case "entries odd": request.EntryCount = 511; break;
            case "entries huge": request.EntryCount = 1u << 31; break;
            case "pages short": request.PageCount = 8; break;
            case "directory": request.DirectoryAddress = ulong.MaxValue - 7; break;
            default: PvrdmaRing.PublishConsumer(a.Cq.Ring, 0x8000_0000); break;
        }

        Assert.Equal(expected, pair.A.Command(PvrdmaCommand.ResizeCqPages, request));
        PvrdmaRing.PublishConsumer(a.Cq.Ring, head);
        Write(pair, a, b, 5);
        Assert.Equal(5ul, Assert.Single(a.Cq.PollAll()).WorkRequestId);
    }

    /// <summary>The stock command brings no pages: a CQ that is large enough stays, and says how large it is.</summary>
    [Fact]
    public void The_stock_command_answers_with_the_entries_that_there_are()
    {
        using var guest = new TestGuest();
        GuestCompletionQueue queue = guest.CreateCompletionQueue(256);
        PvrdmaCommandError Resize(uint handle, uint entries, out uint answer)
        {
            var request = new PvrdmaResizeCq { CqHandle = handle, EntryCount = entries };
            PvrdmaCommandError error = guest.Command(PvrdmaCommand.ResizeCq, request, out PvrdmaHandleResponse response);
            answer = response.Handle;
            return error;
        }

        Assert.Equal(PvrdmaCommandError.None, Resize(queue.Handle, 100, out uint entries));
        Assert.Equal(256u, entries);
        Assert.Equal(PvrdmaCommandError.None, Resize(queue.Handle, 256, out _));
        Assert.Equal(PvrdmaCommandError.NotSupported, Resize(queue.Handle, 257, out _));
        Assert.Equal(PvrdmaCommandError.InvalidArgument, Resize(queue.Handle, 0, out _));
        Assert.Equal(PvrdmaCommandError.NoSuchObject, Resize(9, 100, out _));
    }

    private static DevicePair Pair(bool scattered = false) => new(new GuestOptions { Extension = AllBits, Scattered = scattered });

    private static void Write(DevicePair pair, DevicePair.Endpoint from, DevicePair.Endpoint to, ulong id)
    {
        from.Qp.PostSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, id, to, 0), from.Region.Sge(0, 8));
        pair.Run();
    }
}
