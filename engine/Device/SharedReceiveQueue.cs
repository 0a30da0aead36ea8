using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>
/// A receive queue that several QPs take from. A request is copied when it is taken, so its slot is the guest's again at once and the
/// order in which messages complete does not matter. IBTA vol. 1, 10.2.9.
/// </summary>
internal sealed unsafe class SharedReceiveQueue
{
    private readonly GuestPages _pages;

    public SharedReceiveQueue(ProtectionDomain domain, GuestPages pages, uint maxWorkRequests, uint maxSges)
    {
        _pages = pages;
        Domain = domain;
        MaxSges = maxSges;
        var state = (PvrdmaRingState*)pages.At(0);
        Queue = new WorkQueue(pages, &state->Receive, 1, maxWorkRequests, PvrdmaWqeLayout.ReceiveSlotBytes(maxSges));
    }

    public ProtectionDomain Domain { get; }

    public uint Handle { get; set; }

    public uint MaxSges { get; }

    public int PinnedPages => _pages.Count;

    public GuestPages Pages => _pages;

    /// <summary>QPs that take from it.</summary>
    public int References { get; set; }

    /// <summary>Fewer waiting requests than this raise an event, once; 0 is not armed.</summary>
    public uint Limit { get; set; }

    /// <summary>Destroyed; may still stand in a list of the turn.</summary>
    public bool IsDestroyed { get; set; }

    /// <summary>The guest's index is impossible: nothing more is taken, and the event was raised.</summary>
    public bool IsFailed { get; set; }

    /// <summary>A field, since it is a struct that changes.</summary>
    public WorkQueue Queue;

    /// <summary>The queue as part of a device's state; when loading, makes it.</summary>
    public static SharedReceiveQueue Transfer(StateCursor state, SharedReceiveQueue? queue, DeviceObjects objects, in GuestRam ram)
    {
        ProtectionDomain? domain = objects.Domains[state.Value(queue?.Domain.Handle ?? 0)];
        uint slots = state.Value(queue?.Queue.Slots ?? 0);
        uint maxSges = state.Value(queue?.MaxSges ?? 0);
        GuestPages? pages = GuestPages.Transfer(state, ram, queue?._pages, objects.PinnedPagesLeft);
        if (state.IsLoading)
        {
            bool fits = pages is not null && domain is not null && System.Numerics.BitOperations.IsPow2(slots)
                && maxSges is >= 1 and <= ScatterGatherList.Capacity
                && (ulong)pages.Count >= 1 + PvrdmaWqeLayout.PagesFor(slots, PvrdmaWqeLayout.ReceiveSlotBytes(maxSges));
            state.Check(fits, "a shared receive queue is larger than its pages");
            queue = new SharedReceiveQueue(domain!, pages!, slots, maxSges);
            domain!.References++;
            objects.PinnedPages += queue.PinnedPages;
        }

        queue!.Limit = state.Value(queue.Limit);
        queue.IsFailed = state.Flag(queue.IsFailed);
        queue.Queue.Transfer(state);
        return queue;
    }

    /// <summary>Takes the limit away when it is armed and fewer requests wait; then the guest is to be told.</summary>
    public bool TryReachLimit()
    {
        if (Limit == 0 || !Queue.TryCountWaiting(out uint waiting) || waiting >= Limit)
        {
            return false;
        }

        Limit = 0;
        return true;
    }
}
