using RoceEngine.Abi;

namespace Device.Tests;

/// <summary>An SRQ as a driver holds it.</summary>
internal sealed unsafe class GuestSharedReceiveQueue
{
    private readonly TestGuest _guest;
    private readonly ulong[] _pages;
    private readonly uint _slotBytes;
    private uint _tail;

    public GuestSharedReceiveQueue(TestGuest guest, uint domain, uint workRequests = 16, uint sges = 2)
    {
        _guest = guest;
        _slotBytes = PvrdmaWqeLayout.ReceiveSlotBytes(sges);
        _pages = guest.Memory.AllocatePages(1 + (int)PvrdmaWqeLayout.PagesFor(workRequests, _slotBytes));
        Request = new PvrdmaCreateSrq
        {
            DirectoryAddress = guest.Memory.Directory(_pages),
            PdHandle = domain,
            PageCount = (uint)_pages.Length,
            Attributes = new PvrdmaSrqAttributes { MaxWr = workRequests, MaxSge = sges },
        };
    }

    public PvrdmaCreateSrq Request { get; set; }

    public uint Handle { get; private set; }

    public PvrdmaRing* Ring => &((PvrdmaRingState*)_guest.Memory.At(_pages[0]))->Receive;

    public PvrdmaCommandError Create()
    {
        PvrdmaCommandError error = _guest.Command(PvrdmaCommand.CreateSrq, Request, out PvrdmaHandleResponse response);
        Handle = response.Handle;
        return error;
    }

    public PvrdmaCommandError Arm(uint limit) => _guest.Command(
        PvrdmaCommand.ModifySrq,
        new PvrdmaModifySrq
        {
            SrqHandle = Handle,
            AttributeMask = PvrdmaModifySrq.LimitMask,
            Attributes = new PvrdmaSrqAttributes { Limit = limit },
        });

    public PvrdmaSrqAttributes Query()
    {
        Assert.Equal(
            PvrdmaCommandError.None,
            _guest.Command(PvrdmaCommand.QuerySrq, new PvrdmaHandleCommand { Handle = Handle }, out PvrdmaQuerySrqResponse response));
        return response.Attributes;
    }

    /// <summary>False when the queue is full. No doorbell: none is needed.</summary>
    public bool TryPost(ulong id, params ReadOnlySpan<PvrdmaSge> entries)
    {
        if (RingIndex.IsFull(_tail, PvrdmaRing.ReadConsumer(Ring), Request.Attributes.MaxWr))
        {
            return false;
        }

        long offset = (long)RingIndex.Slot(_tail, Request.Attributes.MaxWr) * _slotBytes;
        byte* slot = _guest.Memory.At(_pages[1 + (offset / 4096)]) + (offset % 4096);
        *(PvrdmaReceiveWqe*)slot = new PvrdmaReceiveWqe { WorkRequestId = id, SgeCount = (uint)entries.Length };
        entries.CopyTo(new Span<PvrdmaSge>(slot + PvrdmaWqeLayout.ReceiveHeaderBytes, entries.Length));
        _tail = RingIndex.Next(_tail, Request.Attributes.MaxWr);
        PvrdmaRing.PublishProducer(Ring, _tail);
        return true;
    }
}
