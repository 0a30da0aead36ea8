using System.Numerics;
using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <summary>
/// A queue pair. <c>ibv_create_qp</c>, <c>ibv_destroy_qp</c>. Posting is safe from several threads, allocates nothing, and makes no system
/// call while the device's worker is awake.
/// </summary>
public sealed unsafe partial class QueuePair : IDisposable
{
    private readonly GuestPages _pages;
    private readonly DeviceDriver _driver;
    private readonly LedgerEntry _entry;
    private volatile QueuePairState _state;
    private bool _closed;

    internal QueuePair(ProtectionDomain domain, QueuePairOptions options)
    {
        RdmaContext context = domain.Context;
        CheckLimits(context, options);
        ProtectionDomain = domain;
        SendCompletionQueue = options.SendCompletionQueue;
        ReceiveCompletionQueue = options.ReceiveCompletionQueue;
        Type = options.Type;
        SendDepth = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(options.SendDepth, 1));
        SharedReceiveQueue = options.SharedReceiveQueue;
        ReceiveDepth = SharedReceiveQueue is null ? (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(options.ReceiveDepth, 1)) : 0;
        SendSges = Math.Max(options.SendSges, 1);
        ReceiveSges = SharedReceiveQueue is null ? Math.Max(options.ReceiveSges, 1) : 0;
        SignalAll = options.SignalAll;
        _driver = context.Driver;
        _operations = OperationsOf(Type, _driver.Extension);

        uint sendSlotBytes = PvrdmaWqeLayout.SendSlotBytes((uint)SendSges, (uint)options.InlineBytes);

        // All that fits into a slot can be inline, whatever was asked for, as other devices have it: programs ask for none and send a little.
        uint inlineBytes = Math.Max((uint)options.InlineBytes, Math.Min(sendSlotBytes - PvrdmaWqeLayout.SendHeaderBytes, _driver.InlineBytesMax));
        uint receiveSlotBytes = PvrdmaWqeLayout.ReceiveSlotBytes((uint)ReceiveSges);
        long sendPages = (long)PvrdmaWqeLayout.PagesFor((uint)SendDepth, sendSlotBytes);
        long receivePages = (long)PvrdmaWqeLayout.PagesFor((uint)ReceiveDepth, receiveSlotBytes);
        if (1 + sendPages + receivePages > ushort.MaxValue)
        {
            throw new VerbsException(Errno.Invalid, "ibv_create_qp: depths and sizes together need more pages than a queue pair can have");
        }

        lock (_driver.CommandLock)
        {
            domain.ThrowIfClosed();
            SendCompletionQueue.AddQueuePair();
            ReceiveCompletionQueue.AddQueuePair();
            SharedReceiveQueue?.AddQueuePair();
            LedgerEntry? entry = null;
            try
            {
                entry = _driver.Ledger.Reserve();
                _pages = GuestPages.Allocate(
                    _driver.Allocator, _driver.Channel.GuestRam, 1 + sendPages + receivePages, $"a queue pair of depth {SendDepth} + {ReceiveDepth}");
                PvrdmaCreateQpResponse response = CreateInDevice(domain, options, (ushort)sendPages, inlineBytes);
                Number = response.Qpn;
                Handle = response.QpHandle;
                InlineBytes = (int)Math.Min(response.MaxInlineBytes, sendSlotBytes - PvrdmaWqeLayout.SendHeaderBytes);
            }
            catch
            {
                _driver.Ledger.Remove(entry);
                _pages?.Dispose();
                SendCompletionQueue.RemoveQueuePair();
                ReceiveCompletionQueue.RemoveQueuePair();
                SharedReceiveQueue?.RemoveQueuePair();
                throw;
            }

            _entry = entry;
            _driver.Ledger.Write(entry, GuestLedgerKind.QueuePair, Handle);
            (_sends, _receives) = QueuesOver(_pages.Memory, sendPages, sendSlotBytes, receiveSlotBytes);
            domain.AddDependent();
            context.Add(this);
        }
    }

    /// <summary>
    /// A number of the application's own; 0 at first. It is kept with the device: a process that takes it over (<see cref="RdmaContext.AttachRestored"/>)
    /// knows the queue pair by it.
    /// </summary>
    public ulong Tag
    {
        get => _entry.Tag;
        set => ProtectionDomain.Context.Driver.Ledger.SetTag(_entry, value);
    }

    /// <summary>The protection domain.</summary>
    public ProtectionDomain ProtectionDomain { get; }

    /// <summary>QP number, 24 bits: what the peer sends to.</summary>
    public uint Number { get; }

    /// <summary>The transport service.</summary>
    public QueuePairType Type { get; }

    /// <summary>Datagrams, each to a destination of its own.</summary>
    internal bool IsDatagram => Type is QueuePairType.Ud or QueuePairType.Gsi;

    /// <summary>Sends outstanding at most.</summary>
    public int SendDepth { get; }

    /// <summary>Receives outstanding at most; 0 with a <see cref="SharedReceiveQueue"/>.</summary>
    public int ReceiveDepth { get; }

    /// <summary>Scatter/gather entries of a send at most.</summary>
    public int SendSges { get; }

    /// <summary>Scatter/gather entries of a receive at most; 0 with a <see cref="SharedReceiveQueue"/>.</summary>
    public int ReceiveSges { get; }

    /// <summary>Bytes of an inline send at most: those that were asked for, and what else there is room for.</summary>
    public int InlineBytes { get; }

    /// <summary>The state as the last modify, query or failed completion left it; <see cref="Query"/> asks the device.</summary>
    public QueuePairState State => _state;

    /// <summary>Where sends complete.</summary>
    public CompletionQueue SendCompletionQueue { get; }

    /// <summary>Where receives complete.</summary>
    public CompletionQueue ReceiveCompletionQueue { get; }

    /// <summary>Where receives are taken from; null when the QP has a queue of its own.</summary>
    public SharedReceiveQueue? SharedReceiveQueue { get; }

    /// <summary>Every send writes a CQE.</summary>
    public bool SignalAll { get; }

    internal uint Handle { get; }

    /// <summary>What an interface on top of this library keeps for the QP.</summary>
    internal object? Owner { get; set; }

    /// <summary>What the peer must be told.</summary>
    /// <param name="psn">The first PSN that this end will send, as given to <see cref="ToReadyToSend"/>.</param>
    public QueuePairAddress AddressWith(uint psn) => new(ProtectionDomain.Context.Address, Number, psn & QueuePairAddress.Mask24);

    /// <summary>
    /// Destroys the QP: outstanding requests vanish, and no completion of it shows up afterwards, not even one already in a CQ. <c>ibv_destroy_qp</c>.
    /// </summary>
    /// <exception cref="VerbsException">EBUSY: it is still in a multicast group.</exception>
    public void Dispose()
    {
        RdmaContext context = ProtectionDomain.Context;
        lock (_driver.CommandLock)
        {
            if (_closed || context.IsDisposed)
            {
                return;
            }

            context.DestroyInDevice(PvrdmaCommand.DestroyQp, Handle, "ibv_destroy_qp");
            Close();
            RemoveCompletions();

            _driver.Ledger.Remove(_entry);

            // Only now, so that a poll meanwhile took the completions for what they were.
            context.Remove(this);
            SendCompletionQueue.RemoveQueuePair();
            ReceiveCompletionQueue.RemoveQueuePair();
            SharedReceiveQueue?.RemoveQueuePair();
            ProtectionDomain.RemoveDependent();
            _pages.Dispose();
        }
    }

    /// <summary>No thread touches the rings after this.</summary>
    internal void Close()
    {
        _closed = true;
        _sends.Close();
        _receives.Close();
    }

    /// <summary>
    /// A completion with an error says that the QP is in the error state; a failed send of UC or UD stops the sends alone.
    /// IBTA vol. 1, 10.3.1.6 and 10.3.1.7.
    /// </summary>
    internal void OnFailedCompletion(in WorkCompletion completion)
    {
        bool isSend = completion.Opcode < WorkCompletionOpcode.Receive;
        if (Type != QueuePairType.Rc && isSend && (completion.Status != CompletionStatus.FlushError || _state == QueuePairState.SendQueueError))
        {
            if (_state != QueuePairState.Error)
            {
                _state = QueuePairState.SendQueueError;
            }
        }
        else
        {
            _state = QueuePairState.Error;
        }
    }

    private (WorkQueue Sends, WorkQueue Receives) QueuesOver(byte* pages, long sendPages, uint sendSlotBytes, uint receiveSlotBytes)
    {
        var state = (PvrdmaRingState*)pages;
        byte* sends = pages + GuestAllocator.PageBytes;
        byte* receives = sends + (sendPages * GuestAllocator.PageBytes);
        return (
            new WorkQueue(&state->Send, sends, (uint)SendDepth, sendSlotBytes, _driver.SendDoorbells, Handle),
            new WorkQueue(&state->Receive, receives, (uint)Math.Max(ReceiveDepth, 1), receiveSlotBytes, _driver.ReceiveDoorbells, Handle));
    }

    private static void CheckLimits(RdmaContext context, QueuePairOptions options)
    {
        ref readonly PvrdmaDeviceCaps caps = ref context.Driver.Caps;
        Check(options.SendDepth, caps.MaxQpWr, nameof(options.SendDepth));
        Check(options.SendSges, caps.MaxSge, nameof(options.SendSges));
        if (options.SharedReceiveQueue is null)
        {
            Check(options.ReceiveDepth, caps.MaxQpWr, nameof(options.ReceiveDepth));
            Check(options.ReceiveSges, caps.MaxSge, nameof(options.ReceiveSges));
        }

        Check(options.InlineBytes, context.Driver.InlineBytesMax, nameof(options.InlineBytes));
        if (options.SharedReceiveQueue is { } shared && shared.ProtectionDomain.Context != context)
        {
            throw new VerbsException(Errno.Invalid, "ibv_create_qp: the shared receive queue belongs to another device");
        }

        if (options.SendCompletionQueue.Context != context || options.ReceiveCompletionQueue.Context != context)
        {
            throw new VerbsException(Errno.Invalid, "ibv_create_qp: a completion queue belongs to another device");
        }

        static void Check(int value, uint max, string name)
        {
            if (value < 0 || (uint)value > max)
            {
                throw new VerbsException(Errno.Invalid, $"ibv_create_qp: {name} is {value}; the device allows 0 to {max}");
            }
        }
    }

    private PvrdmaCreateQpResponse CreateInDevice(ProtectionDomain domain, QueuePairOptions options, ushort sendPages, uint inlineBytes) =>
        _driver.Execute<PvrdmaCreateQp, PvrdmaCreateQpResponse>(
            PvrdmaCommand.CreateQp,
            new PvrdmaCreateQp
            {
                DirectoryAddress = _pages.DirectoryAddress,
                PdHandle = domain.Handle,
                SendCqHandle = SendCompletionQueue.Handle,
                ReceiveCqHandle = ReceiveCompletionQueue.Handle,
                MaxSendWr = (uint)SendDepth,
                MaxReceiveWr = (uint)ReceiveDepth,
                MaxSendSge = (uint)SendSges,
                MaxReceiveSge = (uint)ReceiveSges,
                MaxInlineBytes = inlineBytes,
                Access = (uint)PvrdmaAccess.LocalWrite,
                TotalPageCount = (ushort)_pages.PageCount,
                SendPageCount = sendPages,
                SignalAll = options.SignalAll ? (byte)1 : (byte)0,
                QpType = (byte)Type,
                UsesSrq = SharedReceiveQueue is null ? (byte)0 : (byte)1,
                SrqHandle = SharedReceiveQueue?.Handle ?? 0,
            },
            "ibv_create_qp");

    private void RemoveCompletions()
    {
        SendCompletionQueue.RemoveEntriesOf(Handle);
        if (ReceiveCompletionQueue != SendCompletionQueue)
        {
            ReceiveCompletionQueue.RemoveEntriesOf(Handle);
        }
    }
}
