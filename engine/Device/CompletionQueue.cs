using System.Runtime.CompilerServices;
using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>What a CQ waits for before it notifies.</summary>
internal enum ArmState : byte
{
    None,
    Any,
    Solicited,
}

/// <summary>The device's end of a completion queue in guest memory. The device is the producer.</summary>
internal sealed unsafe class CompletionQueue
{
    private GuestPages _pages;
    private CompletionQueuePage* _page;

    private uint _producer;
    private uint _published;

    /// <summary>The guest's index when last read: at least so many slots are free.</summary>
    private uint _consumer;

    public CompletionQueue(GuestPages pages, uint entryCount, UserContext? context)
    {
        _pages = pages;
        _page = (CompletionQueuePage*)pages.At(0);
        EntryCount = entryCount;
        Context = context;
    }

    public uint EntryCount { get; private set; }

    public UserContext? Context { get; }

    public uint Handle { get; set; }

    public int PinnedPages => _pages.Count;

    /// <summary>Uses by QPs, the send and the receive side counted each.</summary>
    public int References { get; set; }

    /// <summary>Overrun, or the guest's index is impossible: nothing more is written.</summary>
    public bool IsFailed { get; set; }

    /// <summary>Armed by a UAR write.</summary>
    public ArmState Armed { get; set; }

    /// <summary>True when an entry was written since the last look at the arm word.</summary>
    public bool IsDirty { get; set; }

    /// <summary>True when one of those was solicited or an error.</summary>
    public bool HasSolicited { get; set; }

    /// <summary>Destroyed; may still stand in a list of the turn.</summary>
    public bool IsDestroyed { get; set; }

    /// <summary>Fired, but the notification ring had no room.</summary>
    public bool IsNotificationPending { get; set; }

    /// <summary>Entries written and not yet taken by the guest, as far as its index can be believed.</summary>
    public uint Unread =>
        RingIndex.TryUsed(_producer, PvrdmaRing.ReadConsumer(&_page->State.Receive), EntryCount, out uint used) ? used : EntryCount;

    /// <summary>Writes an entry; false when the queue is full or the guest's index is impossible.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryWrite(in PvrdmaCqe entry)
    {
        if (RingIndex.IsFull(_producer, _consumer, EntryCount) && !RefreshConsumer())
        {
            return false;
        }

        *(PvrdmaCqe*)_pages.At(OffsetOf(_producer, EntryCount)) = entry;
        _producer = RingIndex.Next(_producer, EntryCount);
        return true;
    }

    /// <summary>Where the entry stands that was written last.</summary>
    public byte* LastEntry => _pages.At(OffsetOf(_producer - 1, EntryCount));

    /// <summary>True after a <see cref="TryMove"/>.</summary>
    public bool WasMoved { get; private set; }

    /// <summary>The pages, the first of which has the indices.</summary>
    public GuestPages Pages => _pages;

    /// <summary>Makes the entries written so far visible to the guest.</summary>
    public void Publish()
    {
        if (_published != _producer)
        {
            _published = _producer;
            PvrdmaRing.PublishProducer(&_page->State.Receive, _producer);
        }
    }

    /// <summary>Entries written and not yet made visible.</summary>
    public uint Unpublished => RingIndex.Used(_producer, _published, EntryCount);

    /// <summary>
    /// True when the entries published since the last look must notify; disarms. A full fence lies between their publication and this,
    /// so that the guest, which stores the arm word, fences and polls, either sees the entries or is seen armed.
    /// </summary>
    public bool TryFire(bool usesArmWord, bool alwaysArmed)
    {
        bool solicited = HasSolicited;
        HasSolicited = false;
        if (alwaysArmed)
        {
            return true;
        }

        if (Armed == ArmState.Any || (Armed == ArmState.Solicited && solicited))
        {
            Armed = ArmState.None;
            return true;
        }

        // Any other value than "solicited" means "any": a guest that writes nonsense gets more notifications, not fewer.
        uint word = usesArmWord ? Volatile.Read(ref _page->ArmWord) : CompletionQueuePage.ArmedNone;
        return word != CompletionQueuePage.ArmedNone && (word != CompletionQueuePage.ArmedSolicited || solicited)
            && Interlocked.Exchange(ref _page->ArmWord, CompletionQueuePage.ArmedNone) != CompletionQueuePage.ArmedNone;
    }

    /// <summary>
    /// Goes on in other pages: the unread entries move there in order, the first to the first slot, and the arming with them. False, and nothing has
    /// changed, when they do not fit or the guest's index is impossible.
    /// </summary>
    public bool TryMove(GuestPages pages, uint entryCount)
    {
        Publish();
        if (!RingIndex.TryUsed(_producer, PvrdmaRing.ReadConsumer(&_page->State.Receive), EntryCount, out uint unread) || unread > entryCount)
        {
            return false;
        }

        uint oldest = _producer - unread;
        for (uint i = 0; i < unread; i++)
        {
            *(PvrdmaCqe*)pages.At(OffsetOf(i, entryCount)) = *(PvrdmaCqe*)_pages.At(OffsetOf(oldest + i, EntryCount));
        }

        var page = (CompletionQueuePage*)pages.At(0);
        page->ArmWord = Interlocked.Exchange(ref _page->ArmWord, CompletionQueuePage.ArmedNone);
        PvrdmaRing.PublishConsumer(&page->State.Receive, 0);
        PvrdmaRing.PublishProducer(&page->State.Receive, unread);
        _pages = pages;
        _page = page;
        EntryCount = entryCount;
        _producer = _published = unread;
        _consumer = 0;
        WasMoved = true;
        return true;
    }

    /// <summary>The queue as part of a device's state; when loading, makes it. All entries are published.</summary>
    public static CompletionQueue Transfer(StateCursor state, CompletionQueue? queue, DeviceObjects objects, in GuestRam ram)
    {
        uint contextHandle = state.Value(queue?.Context?.Handle ?? 0);
        uint entryCount = state.Value(queue?.EntryCount ?? 0);
        GuestPages? pages = GuestPages.Transfer(state, ram, queue?._pages, objects.PinnedPagesLeft);
        if (state.IsLoading)
        {
            bool fits = pages is not null && System.Numerics.BitOperations.IsPow2(entryCount)
                && (ulong)pages.Count >= 1 + PvrdmaWqeLayout.PagesFor(entryCount, PvrdmaCqe.Length);
            state.Check(fits, "a completion queue is larger than its pages");
            queue = new CompletionQueue(pages!, entryCount, objects.Contexts[contextHandle]);
            if (queue.Context is { } context)
            {
                context.References++;
            }

            objects.PinnedPages += queue.PinnedPages;
        }

        queue!._producer = state.Value(queue._producer);
        queue._consumer = state.Value(queue._consumer);
        queue.IsFailed = state.Flag(queue.IsFailed);
        queue.Armed = (ArmState)state.Value((byte)queue.Armed);
        queue.HasSolicited = state.Flag(queue.HasSolicited);
        state.Check(RingIndex.TryUsed(queue._producer, queue._consumer, entryCount, out _), "a completion queue's indices are impossible");
        queue._published = queue._producer;
        return queue;
    }

    private static long OffsetOf(uint index, uint entryCount) =>
        PvrdmaPageDirectory.PageBytes + ((long)RingIndex.Slot(index, entryCount) * PvrdmaCqe.Length);

    private bool RefreshConsumer()
    {
        uint consumer = PvrdmaRing.ReadConsumer(&_page->State.Receive);
        if (!RingIndex.TryUsed(_producer, consumer, EntryCount, out _))
        {
            return false;
        }

        _consumer = consumer;
        return !RingIndex.IsFull(_producer, consumer, EntryCount);
    }
}
