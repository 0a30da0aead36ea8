using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// The requester of a reliable connection with its completer: takes send work requests, cuts them into packets, and completes them
/// when the responder has answered. IBTA vol. 1, 9.7.3, 9.7.5, 9.7.7.
/// </summary>
/// <remarks>
/// Work requests in flight form a list, oldest first. Three PSNs say how far things are:
/// <code>
///   _oldestUnacked ............ _sendPsn ............ _sentEnd .......... _nextPsn
///   the next to be answered     the next to be sent   the first one        the first one that
///                               (goes back on loss)   never sent           no request has
/// </code>
/// </remarks>
internal sealed unsafe partial class RcRequester
{
    /// <summary>PSNs in flight at most: well below 2^23, where before and after cannot be told apart.</summary>
    private const int PsnsInFlightMax = 1 << 22;

    private readonly RcQueuePair _qp;
    private SendSlot* _head;
    private SendSlot* _tail;
    private SendSlot* _cursor;
    private Psn _oldestUnacked;
    private Psn _sendPsn;
    private Psn _sentEnd;
    private Psn _nextPsn;

    public RcRequester(RcQueuePair qp) => _qp = qp;

    /// <summary>The PSN of the next new request.</summary>
    public Psn NextPsn => _nextPsn;

    private ProtocolCounters Counters => _qp.Counters;

    private SlotPool<SendSlot> Slots => _qp.Resources.SendSlots;

    private int MtuBytes => 1 << _qp.MtuShift;

    /// <summary>True while a packet is sent and not answered.</summary>
    private bool HasOutstanding => _oldestUnacked != _sendPsn;

    /// <summary>Sets the PSN of the first request, on the way to ReadyToSend.</summary>
    public void Begin(Psn first)
    {
        _oldestUnacked = first;
        _sendPsn = first;
        _sentEnd = first;
        _ackedEnd = first;
        ForgetRepair();
        _nextPsn = first;
    }

    /// <summary>The peer, or the way to it, is another one: what was learned of it is forgotten.</summary>
    public void PathChanged()
    {
        _peer = PeerKind.Unknown;
        _roundTrip = default;
    }

    /// <summary>Retry counts, timeout or depth may have changed.</summary>
    public void AttributesChanged()
    {
        ref readonly QueuePairAttributes attributes = ref _qp.Attributes;
        _ackTimeoutNs = AckTimeout.Nanoseconds(attributes.Timeout);
        _retriesLeft = attributes.RetryCount;
        _rnrRetriesLeft = attributes.RnrRetry;

        // Requests under way were cut by the old number, and a READ that is asked for again must be cut alike.
        if (_qp.Path is { } path && _head == null)
        {
            _readChunkPackets = ReadChunkPackets(path.Window.CeilingBytes, _qp.MtuShift);
        }
    }

    /// <summary>Drops everything without completions.</summary>
    public void Reset()
    {
        while (_head != null)
        {
            SendSlot* slot = _head;
            _head = slot->Next;
            Slots.ReturnLater(slot, _lastNowNs);
        }

        _tail = null;
        _cursor = null;
        ForgetOutstanding();
        Begin(default);
    }

    /// <summary>Takes the next work request from the guest's queue and gives it PSNs. False when the queue is empty.</summary>
    private bool FetchNext(long nowNs)
    {
        SendSlot* slot = Slots.Take(nowNs);
        FetchVerdict verdict = _qp.Host.FetchSend(_qp, ref slot->Request);
        if (verdict == FetchVerdict.Empty)
        {
            Slots.Return(slot);
            return false;
        }

        slot->IsExecuted = false;
        slot->FirstPsn = _nextPsn;
        if (verdict == FetchVerdict.Fetched && IsShort(slot->Request))
        {
            slot->Failure = CompletionStatus.Success;
            slot->PacketCount = 1;
        }
        else
        {
            slot->Failure = verdict == FetchVerdict.Fetched ? FindFailure(ref slot->Request) : CompletionStatus.LocalQpOperationError;
            slot->Request.ForgetDataUnless(verdict == FetchVerdict.Fetched);
            slot->PacketCount = PacketsOf(slot->Request);
        }

        if (slot->Failure == CompletionStatus.Success)
        {
            _nextPsn += slot->PacketCount;
        }

        Append(slot);
        _cursor = slot;
        return true;
    }

    private void Append(SendSlot* slot)
    {
        slot->Next = null;
        if (_tail == null)
        {
            _head = slot;
        }
        else
        {
            _tail->Next = slot;
        }

        _tail = slot;
    }

    /// <summary>True once the first packet of a request was sent.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsBegun(SendSlot* slot) => slot->Failure == CompletionStatus.Success && slot->FirstPsn.DistanceFrom(_sentEnd) < 0;
}
