using RoceEngine.Abi;

namespace Device.Tests;

/// <summary>A CQ as a driver holds it.</summary>
internal sealed unsafe class GuestCompletionQueue
{
    private readonly TestGuest _guest;
    private ulong[] _pages;
    private uint _head;

    public GuestCompletionQueue(TestGuest guest, uint entries)
    {
        _guest = guest;
        Entries = entries;
        _pages = guest.Memory.AllocatePages(1 + (int)PvrdmaWqeLayout.PagesFor(entries, PvrdmaCqe.Length));
    }

    public uint Entries { get; private set; }

    public uint Handle { get; private set; }

    public CompletionQueuePage* Page => (CompletionQueuePage*)_guest.Memory.At(_pages[0]);

    public PvrdmaRing* Ring => &Page->State.Receive;

    public PvrdmaCreateCq Request => new()
    {
        DirectoryAddress = _guest.Memory.Directory(_pages),
        EntryCount = Entries,
        PageCount = (uint)_pages.Length,
    };

    public PvrdmaCommandError Create()
    {
        PvrdmaCommandError error = _guest.Command(PvrdmaCommand.CreateCq, Request, out PvrdmaCreateCqResponse response);
        Handle = response.CqHandle;
        return error;
    }

    /// <summary>Resizes in new pages, and goes on there as the device says.</summary>
    public PvrdmaCommandError Resize(uint entries)
    {
        ulong[] pages = _guest.Memory.AllocatePages(1 + (int)PvrdmaWqeLayout.PagesFor(entries, PvrdmaCqe.Length));
        var request = new PvrdmaResizeCqPages
        {
            CqHandle = Handle, DirectoryAddress = _guest.Memory.Directory(pages), EntryCount = entries, PageCount = (uint)pages.Length,
        };
        PvrdmaCommandError error = _guest.Command(PvrdmaCommand.ResizeCqPages, request, out PvrdmaHandleResponse response);
        if (error == PvrdmaCommandError.None)
        {
            Assert.Equal(entries, response.Handle);
            _pages = pages;
            Entries = entries;
            _head = PvrdmaRing.ReadConsumer(Ring);
        }

        return error;
    }

    public bool TryPoll(out PvrdmaCqe entry)
    {
        entry = default;
        if (PvrdmaRing.ReadProducer(Ring) == _head)
        {
            return false;
        }

        long offset = (long)RingIndex.Slot(_head, Entries) * PvrdmaCqe.Length;
        entry = *(PvrdmaCqe*)(_guest.Memory.At(_pages[1 + (offset / 4096)]) + (offset % 4096));
        _head = RingIndex.Next(_head, Entries);
        PvrdmaRing.PublishConsumer(Ring, _head);
        return true;
    }

    public List<PvrdmaCqe> PollAll()
    {
        var entries = new List<PvrdmaCqe>();
        while (TryPoll(out PvrdmaCqe entry))
        {
            entries.Add(entry);
        }

        return entries;
    }

    /// <summary>Arms by the arm word or by the UAR, as the guest's mode is.</summary>
    public void Arm(bool solicited)
    {
        if ((_guest.Options.Extension & ExtensionBits.ArmWord) != 0)
        {
            Volatile.Write(ref Page->ArmWord, solicited ? CompletionQueuePage.ArmedSolicited : CompletionQueuePage.ArmedAny);
            Interlocked.MemoryBarrier();
        }
        else
        {
            _guest.Device.WriteUar(PvrdmaUar.CqOffset, (solicited ? PvrdmaUar.CqArmSolicited : PvrdmaUar.CqArm) | Handle, _guest.NowNs);
        }
    }
}
