using System.Numerics;
using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <summary>A completion queue. <c>ibv_create_cq</c>, <c>ibv_resize_cq</c>, <c>ibv_destroy_cq</c>. Safe for concurrent use; polling allocates nothing.</summary>
public sealed unsafe partial class CompletionQueue : IDisposable
{
    private readonly LedgerEntry _entry;
    private GuestPages _pages;
    private CompletionQueuePage* _page;
    private PvrdmaRing* _ring;
    private PvrdmaCqe* _entries;
    private uint _slots;
    private readonly WaitList<bool> _waiters = new();
    private SpinGate _gate;
    private VainPolls _vainPolls;
    private uint _head;
    private bool _closed;
    private bool _isResizing;
    private int _queuePairCount;

    internal CompletionQueue(RdmaContext context, int entries, CompletionChannel? channel)
    {
        if (entries < 1 || (uint)entries > context.Driver.Caps.MaxCqe)
        {
            throw new VerbsException(Errno.Invalid, $"ibv_create_cq: {entries} entries; the device allows 1 to {context.Driver.Caps.MaxCqe}");
        }

        if (channel is not null && channel.Context != context)
        {
            throw new VerbsException(Errno.Invalid, "ibv_create_cq: the channel belongs to another device");
        }

        Context = context;
        Channel = channel;
        _slots = BitOperations.RoundUpToPowerOf2((uint)entries);
        lock (context.Driver.CommandLock)
        {
            context.ThrowIfClosed();
            channel?.AddQueue();
            LedgerEntry? entry = null;
            try
            {
                entry = context.Driver.Ledger.Reserve();
                _pages = AllocatePages(_slots);
                Use(_pages, _slots);
                Handle = CreateInDevice();
            }
            catch
            {
                context.Driver.Ledger.Remove(entry);
                _pages?.Dispose();
                channel?.RemoveQueue(this);
                throw;
            }

            _entry = entry;
            context.Driver.Ledger.Write(
                entry, GuestLedgerKind.CompletionQueue, new GuestLedgerEntry { Handle = Handle, Address = (ulong)(channel?.Entry.Offset ?? 0) });
            context.Add(this);
        }
    }

    /// <summary>
    /// A number of the application's own; 0 at first. It is kept with the device: a process that takes it over (<see cref="RdmaContext.AttachRestored"/>)
    /// knows the queue by it.
    /// </summary>
    public ulong Tag
    {
        get => _entry.Tag;
        set => Context.Driver.Ledger.SetTag(_entry, value);
    }

    /// <summary>The device.</summary>
    public RdmaContext Context { get; }

    /// <summary>Entries that it holds.</summary>
    public int Capacity => (int)_slots;

    /// <summary>The channel it was made with.</summary>
    public CompletionChannel? Channel { get; }

    internal uint Handle { get; }

    /// <summary>What an interface on top of this library keeps for the CQ.</summary>
    internal object? Owner { get; set; }

    /// <summary>Stands in its channel's list. Under the channel's lock.</summary>
    internal bool HasUntakenNotification { get; set; }

    /// <summary>
    /// Arms the CQ: the next completion after this call puts one notification into its channel. <c>ibv_req_notify_cq</c>.
    /// Completions already there do not: arm, then poll once more, then wait.
    /// </summary>
    /// <param name="solicitedOnly">Only for completions that are solicited or in error. Does not weaken a stronger request still pending.</param>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public void RequestNotification(bool solicitedOnly = false)
    {
        if (Arm(solicitedOnly ? CompletionQueuePage.ArmedSolicited : CompletionQueuePage.ArmedAny) is { } lost)
        {
            throw lost;
        }
    }

    /// <summary>
    /// Waits until the queue holds a completion: arms, looks again, sleeps. Needs no channel (one that is there is notified as well).
    /// Allocates nothing in steady state. Several waiters are allowed; all wake, and one may find that another was faster: poll in a loop.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public ValueTask WaitAsync(CancellationToken cancellationToken = default)
    {
        if (HasEntries())
        {
            return ValueTask.CompletedTask;
        }

        ValueTask wait = _waiters.WaitForSignal(cancellationToken);
        _ = Arm(CompletionQueuePage.ArmedAny);
        Context.Pump.Start();
        if (HasEntries())
        {
            _waiters.CompleteAll(true);
        }
        else if (Context.Pump.Ended is { } reason)
        {
            _waiters.FailAll(reason);
        }

        return wait;
    }

    /// <summary>Destroys the queue. <c>ibv_destroy_cq</c>.</summary>
    /// <exception cref="VerbsException">EBUSY: a QP still completes here.</exception>
    public void Dispose()
    {
        lock (Context.Driver.CommandLock)
        {
            if (_closed || Context.IsDisposed)
            {
                return;
            }

            if (_queuePairCount != 0)
            {
                throw new VerbsException(Errno.Busy, $"ibv_destroy_cq: {_queuePairCount} queue pairs still complete here");
            }

            Context.DestroyInDevice(PvrdmaCommand.DestroyCq, Handle, "ibv_destroy_cq");
            Close();
            Context.Remove(this);
            Context.Driver.Ledger.Remove(_entry);
            Channel?.RemoveQueue(this);
            _pages.Dispose();
        }
    }

    internal void AddQueuePair()
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        _queuePairCount++;
    }

    internal void RemoveQueuePair() => _queuePairCount--;

    /// <summary>No thread touches the ring after this.</summary>
    internal void Close()
    {
        _gate.Enter();
        _closed = true;
        _gate.Exit();
        _waiters.FailAll(new ObjectDisposedException(nameof(CompletionQueue)));
    }

    /// <summary>The device took the arm word. From the event pump.</summary>
    internal void OnNotified()
    {
        _waiters.CompleteAll(true);
        Channel?.Notify(this);
    }

    internal void FailWaits(Exception reason) => _waiters.FailAll(reason);

    private GuestPages AllocatePages(uint slots) => GuestPages.Allocate(
        Context.Driver.Allocator,
        Context.Driver.Channel.GuestRam,
        1 + (long)PvrdmaWqeLayout.PagesFor(slots, PvrdmaCqe.Length),
        $"a completion queue of {slots} entries");

    private void Use(GuestPages pages, uint slots)
    {
        _pages = pages;
        _slots = slots;
        _page = (CompletionQueuePage*)pages.Memory;
        _ring = &_page->State.Receive;
        _entries = (PvrdmaCqe*)(pages.Memory + GuestAllocator.PageBytes);
    }

    private uint CreateInDevice()
    {
        PvrdmaCreateCqResponse response = Context.Driver.Execute<PvrdmaCreateCq, PvrdmaCreateCqResponse>(
            PvrdmaCommand.CreateCq,
            new PvrdmaCreateCq { DirectoryAddress = _pages.DirectoryAddress, EntryCount = _slots, PageCount = (uint)_pages.PageCount },
            "ibv_create_cq");
        return response.EntryCount == _slots
            ? response.CqHandle
            : throw new VerbsException(Errno.InputOutput, $"ibv_create_cq: the device made {response.EntryCount} entries of {_slots}");
    }

    /// <summary>Arms; returns how the device was lost when it was.</summary>
    private DeviceLostException? Arm(uint kind)
    {
        EnterOpen();
        Context.Pump.DrainIfCrowded();
        if (_isResizing)
        {
            _armedMeanwhile = Stronger(_armedMeanwhile, kind);
            _gate.Exit();
            return null;
        }

        uint armed = Volatile.Read(ref _page->ArmWord);
        while (armed != CompletionQueuePage.ArmedAny && armed != kind)
        {
            uint seen = Interlocked.CompareExchange(ref _page->ArmWord, kind, armed);
            if (seen == armed)
            {
                break;
            }

            // The device took the word meanwhile, or another thread armed too.
            armed = seen;
        }

        // Between arming and the caller's second look at the ring, also where the word was armed before.
        Interlocked.MemoryBarrier();
        DeviceLostException? lost = Context.Driver.IsLost ? Context.Driver.LostException() : null;
        _gate.Exit();
        Context.Driver.Channel.AnnounceWait?.Invoke();
        return lost;
    }

    private bool HasEntries()
    {
        EnterOpen();
        bool any = !_isResizing && PvrdmaRing.ReadProducer(_ring) != _head;
        _gate.Exit();
        return any;
    }

    private void EnterOpen()
    {
        _gate.Enter();
        if (_closed)
        {
            _gate.Exit();
            throw new ObjectDisposedException(nameof(CompletionQueue));
        }
    }
}
