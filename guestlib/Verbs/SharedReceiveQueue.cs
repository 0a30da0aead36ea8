using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.InteropServices;
using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <summary>What a shared receive queue is made with; no limit is armed at first. <c>struct ibv_srq_init_attr</c>.</summary>
public sealed record SharedReceiveQueueOptions
{
    /// <summary>Receives that it shall hold; rounded up to a power of two.</summary>
    public int Depth { get; init; } = 128;

    /// <summary>Scatter/gather entries of a receive at most.</summary>
    public int Sges { get; init; } = 1;
}

/// <summary>The attributes of a shared receive queue as the device has them. <c>struct ibv_srq_attr</c>.</summary>
/// <param name="Depth">Receives that it holds.</param>
/// <param name="Sges">Scatter/gather entries of a receive at most.</param>
/// <param name="Limit">The limit that is armed; 0 when none is.</param>
public readonly record struct SharedReceiveQueueAttributes(int Depth, int Sges, int Limit);

/// <summary>
/// A queue of receives that several QPs take from. <c>ibv_create_srq</c>, <c>ibv_destroy_srq</c>. Posting is safe from several threads,
/// allocates nothing and makes no system call. A slot is free again as soon as a message takes the receive.
/// </summary>
public sealed unsafe partial class SharedReceiveQueue : IDisposable
{
    private readonly GuestPages _pages;
    private readonly DeviceDriver _driver;
    private readonly LedgerEntry _entry;
    private WorkQueue _receives;
    private int _queuePairCount;
    private bool _closed;

    internal SharedReceiveQueue(ProtectionDomain domain, SharedReceiveQueueOptions options)
    {
        _driver = domain.Context.Driver;
        ref readonly PvrdmaDeviceCaps caps = ref _driver.Caps;
        if (options.Depth < 1 || (uint)options.Depth > caps.MaxSrqWr || options.Sges < 0 || (uint)options.Sges > caps.MaxSrqSge)
        {
            throw new VerbsException(
                Errno.Invalid,
                $"ibv_create_srq: {options.Depth} receives of {options.Sges} entries; the device allows {caps.MaxSrqWr} of {caps.MaxSrqSge}");
        }

        ProtectionDomain = domain;
        Depth = (int)BitOperations.RoundUpToPowerOf2((uint)options.Depth);
        Sges = Math.Max(options.Sges, 1);
        uint slotBytes = PvrdmaWqeLayout.ReceiveSlotBytes((uint)Sges);
        lock (_driver.CommandLock)
        {
            domain.ThrowIfClosed();
            _pages = GuestPages.Allocate(
                _driver.Allocator,
                _driver.Channel.GuestRam,
                1 + (long)PvrdmaWqeLayout.PagesFor((uint)Depth, slotBytes),
                $"a shared receive queue of depth {Depth}");
            LedgerEntry? entry = null;
            try
            {
                entry = _driver.Ledger.Reserve();
                Handle = CreateInDevice();
            }
            catch
            {
                _driver.Ledger.Remove(entry);
                _pages.Dispose();
                throw;
            }

            _entry = entry;
            _driver.Ledger.Write(entry, GuestLedgerKind.SharedReceiveQueue, Handle);
            var state = (PvrdmaRingState*)_pages.Memory;
            _receives = new WorkQueue(&state->Receive, _pages.Memory + GuestAllocator.PageBytes, (uint)Depth, slotBytes);
            domain.AddDependent();
            domain.Context.Add(this);
        }
    }

    /// <summary>
    /// A number of the application's own; 0 at first. It is kept with the device: a process that takes it over (<see cref="RdmaContext.AttachRestored"/>)
    /// knows the queue by it.
    /// </summary>
    public ulong Tag
    {
        get => _entry.Tag;
        set => ProtectionDomain.Context.Driver.Ledger.SetTag(_entry, value);
    }

    /// <summary>The protection domain: its regions are what the receives name.</summary>
    public ProtectionDomain ProtectionDomain { get; }

    /// <summary>Receives that it holds.</summary>
    public int Depth { get; }

    /// <summary>Scatter/gather entries of a receive at most.</summary>
    public int Sges { get; }

    internal uint Handle { get; }

    /// <summary>What an interface on top of this library keeps for the queue.</summary>
    internal object? Owner { get; set; }

    /// <summary>Posts a receive for whichever QP needs one first. <c>ibv_post_srq_recv</c>.</summary>
    /// <param name="workRequestId">Returned with the completion.</param>
    /// <param name="entries">Where the message goes, in order; may be empty.</param>
    /// <exception cref="VerbsException">ENOMEM: the queue is full. EINVAL: too many entries.</exception>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public void PostReceive(ulong workRequestId, ReadOnlySpan<ScatterGatherEntry> entries)
    {
        if (!TryPostReceive(workRequestId, entries))
        {
            throw new VerbsException(Errno.NoMemory, "ibv_post_srq_recv: the shared receive queue is full");
        }
    }

    /// <summary>As <see cref="PostReceive(ulong, ReadOnlySpan{ScatterGatherEntry})"/> with one entry.</summary>
    /// <param name="workRequestId">Returned with the completion.</param>
    /// <param name="entry">Where the message goes.</param>
    public void PostReceive(ulong workRequestId, in ScatterGatherEntry entry) =>
        PostReceive(workRequestId, new ReadOnlySpan<ScatterGatherEntry>(in entry));

    /// <summary>As <see cref="PostReceive(ulong, ReadOnlySpan{ScatterGatherEntry})"/>, but a full queue is an answer.</summary>
    /// <param name="workRequestId">Returned with the completion.</param>
    /// <param name="entries">Where the message goes.</param>
    /// <returns>False when the queue is full.</returns>
    public bool TryPostReceive(ulong workRequestId, ReadOnlySpan<ScatterGatherEntry> entries)
    {
        // For the message only: the claim of a slot looks again, where nothing can change meanwhile.
        if (_closed)
        {
            ThrowClosed();
        }

        if (entries.Length > Sges)
        {
            ThrowTooMany(entries.Length);
        }

        if (!_receives.TryClaim(_driver, out byte* slot))
        {
            return false;
        }

        var request = (PvrdmaReceiveWqe*)slot;
        request->WorkRequestId = workRequestId;
        request->SgeCount = (uint)entries.Length;
        request->TotalBytes = 0;

        // In bounds: a slot has room for the header and Sges entries, which have the ABI's layout.
        MemoryMarshal.AsBytes(entries).CopyTo(new Span<byte>(slot + PvrdmaWqeLayout.ReceiveHeaderBytes, Sges * PvrdmaWqeLayout.SgeBytes));
        _receives.Publish(_driver);
        return true;
    }

    /// <summary>
    /// Arms the limit: once fewer receives than this are left, one <see cref="AsyncEventType.SharedReceiveQueueLimitReached"/> is raised and the
    /// limit is 0 again. <c>ibv_modify_srq</c> with IBV_SRQ_LIMIT.
    /// </summary>
    /// <param name="limit">Receives; 0 disarms.</param>
    /// <exception cref="VerbsException">EINVAL: negative, or more than <see cref="Depth"/>.</exception>
    public void SetLimit(int limit)
    {
        if (limit < 0 || limit > Depth)
        {
            throw new VerbsException(Errno.Invalid, $"ibv_modify_srq: a limit of {limit}; the queue holds {Depth}");
        }

        lock (_driver.CommandLock)
        {
            ThrowIfClosed();
            _driver.Execute(
                PvrdmaCommand.ModifySrq,
                new PvrdmaModifySrq
                {
                    SrqHandle = Handle,
                    AttributeMask = PvrdmaModifySrq.LimitMask,
                    Attributes = new PvrdmaSrqAttributes { Limit = (uint)limit },
                },
                "ibv_modify_srq");
        }
    }

    /// <summary>The attributes as the device has them. <c>ibv_query_srq</c>.</summary>
    public SharedReceiveQueueAttributes Query()
    {
        lock (_driver.CommandLock)
        {
            ThrowIfClosed();
            PvrdmaSrqAttributes queried = _driver.Execute<PvrdmaHandleCommand, PvrdmaQuerySrqResponse>(
                PvrdmaCommand.QuerySrq, new PvrdmaHandleCommand { Handle = Handle }, "ibv_query_srq").Attributes;
            return new SharedReceiveQueueAttributes((int)queried.MaxWr, (int)queried.MaxSge, (int)queried.Limit);
        }
    }

    /// <summary>Destroys the queue: receives not taken yet vanish without completion. <c>ibv_destroy_srq</c>.</summary>
    /// <exception cref="VerbsException">EBUSY: a QP still takes from it.</exception>
    public void Dispose()
    {
        lock (_driver.CommandLock)
        {
            if (_closed || ProtectionDomain.Context.IsDisposed)
            {
                return;
            }

            if (_queuePairCount != 0)
            {
                throw new VerbsException(Errno.Busy, $"ibv_destroy_srq: {_queuePairCount} queue pairs still take from the queue");
            }

            ProtectionDomain.Context.DestroyInDevice(PvrdmaCommand.DestroySrq, Handle, "ibv_destroy_srq");
            Close();
            ProtectionDomain.Context.Remove(this);
            _driver.Ledger.Remove(_entry);
            ProtectionDomain.RemoveDependent();
            _pages.Dispose();
        }
    }

    internal void AddQueuePair()
    {
        ThrowIfClosed();
        _queuePairCount++;
    }

    internal void RemoveQueuePair() => _queuePairCount--;

    /// <summary>No thread touches the ring after this.</summary>
    internal void Close()
    {
        _closed = true;
        _receives.Close();
    }

    private void ThrowIfClosed()
    {
        ProtectionDomain.Context.ThrowIfClosed();
        ObjectDisposedException.ThrowIf(_closed, this);
    }

    private uint CreateInDevice() =>
        _driver.Execute<PvrdmaCreateSrq, PvrdmaHandleResponse>(
            PvrdmaCommand.CreateSrq,
            new PvrdmaCreateSrq
            {
                DirectoryAddress = _pages.DirectoryAddress,
                PdHandle = ProtectionDomain.Handle,
                PageCount = (uint)_pages.PageCount,
                Attributes = new PvrdmaSrqAttributes { MaxWr = (uint)Depth, MaxSge = (uint)Sges },
            },
            "ibv_create_srq").Handle;

    [DoesNotReturn]
    private void ThrowClosed()
    {
        ProtectionDomain.Context.ThrowIfClosed();
        throw new ObjectDisposedException(nameof(SharedReceiveQueue));
    }

    [DoesNotReturn]
    private void ThrowTooMany(int count) => throw new VerbsException(
        Errno.Invalid, $"ibv_post_srq_recv: {count} scatter/gather entries; the shared receive queue was made for {Sges}");
}
