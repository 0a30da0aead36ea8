using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>What a check of the responder found. IBTA vol. 1, 9.7.4.</summary>
internal enum ResponderVerdict : byte
{
    /// <summary>The check passed.</summary>
    Accept,

    /// <summary>Dealt with: duplicate, out of sequence, receiver not ready, or failed with a NAK.</summary>
    Finished,
}

/// <summary>
/// The responder of a reliable connection: checks each request in the specification's order, executes it exactly once, and owes
/// acknowledgements and responses. IBTA vol. 1, 9.7.4, 9.7.5.
/// </summary>
internal sealed unsafe partial class RcResponder
{
    private enum MessageKind : byte
    {
        None,
        Send,
        Write,
    }

    /// <summary>What of a packet is new, as its headers and its place in the sequence say.</summary>
    private struct Part
    {
        public PacketTraits Traits;
        public Psn Psn;

        /// <summary>PSNs taken; more than 1 only for a local run.</summary>
        public int Count;

        /// <summary>Payload bytes in front that came before by another way.</summary>
        public int SkipBytes;

        /// <summary>Payload bytes after those.</summary>
        public int Bytes;

        public readonly bool Has(PacketTraits traits) => (Traits & traits) != 0;
    }

    private readonly RcQueuePair _qp;
    private ReadAtomicResources? _resources;
    private AckCoalescing _acknowledgement;
    private Psn _expectedPsn;
    private uint _messageSequenceNumber;
    private bool _resendRequested;
    private bool _communicationEstablished;
    private bool _closing;

    public RcResponder(RcQueuePair qp) => _qp = qp;

    /// <summary>The PSN of the next request.</summary>
    public Psn ExpectedPsn => _expectedPsn;

    /// <summary>True while something is to be sent.</summary>
    public bool HasWork => _acknowledgement.IsDue || _resources is { HasPending: true };

    private ProtocolCounters Counters => _qp.Counters;

    /// <summary>Sets the PSN of the first request, on the way to ReadyToReceive.</summary>
    public void Begin(Psn first)
    {
        _expectedPsn = first;
        _messageSequenceNumber = 0;
        _message = MessageKind.None;
        _resendRequested = false;
        _notReadyUntilNs = 0;
        _reorder?.Clear();
        _communicationEstablished = false;
        _closing = false;
        _resources = null;
        _acknowledgement.Clear();
    }

    /// <summary>The depth of the replay resources changed.</summary>
    public void DepthChanged()
    {
        if (_resources is { HasPending: false })
        {
            _resources = null;
        }
    }

    /// <summary>A request packet; after it those that waited for it.</summary>
    public void HandleRequest(in Packet packet, PacketTraits traits, long nowNs)
    {
        EstablishCommunication();
        Handle(packet, traits, nowNs);
        if (_reorder is { Count: > 0 } reorder)
        {
            HandleKept(reorder, nowNs);
        }
    }

    /// <summary>Takes a request through the checks in order; each of them deals with what it refuses.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Handle(in Packet packet, PacketTraits traits, long nowNs)
    {
        Part part = default;
        part.Traits = traits;
        part.Psn = packet.Psn;
        part.Count = Math.Max(1, packet.PsnCount);
        part.Bytes = packet.PayloadBytes;
        if (CheckPsn(packet, ref part, nowNs) == ResponderVerdict.Accept
            && CheckSequence(part, nowNs) == ResponderVerdict.Accept
            && CheckEnabled(packet, part, nowNs) == ResponderVerdict.Accept
            && CheckResources(packet, part, nowNs) == ResponderVerdict.Accept
            && CheckLength(packet, part, nowNs) == ResponderVerdict.Accept
            && CheckKey(packet, part, nowNs) == ResponderVerdict.Accept)
        {
            Execute(packet, part, nowNs);
        }
    }

    private void EstablishCommunication()
    {
        if (!_communicationEstablished)
        {
            _communicationEstablished = true;
            if (_qp.State == QueuePairState.ReadyToReceive)
            {
                _qp.Host.RaiseEvent(_qp, QueuePairEvent.CommunicationEstablished);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Execute(in Packet packet, in Part part, long nowNs)
    {
        bool executed = part.Has(PacketTraits.Write) ? ExecuteWrite(packet, part, nowNs)
            : part.Has(PacketTraits.Send) ? ExecuteSend(packet, part, nowNs)
            : part.Has(PacketTraits.Atomic) ? ExecuteAtomic(packet, part, nowNs)
            : part.Has(PacketTraits.Flush) ? ExecuteFlush(packet, part, nowNs)
            : part.Has(PacketTraits.AtomicWrite) ? ExecuteAtomicWrite(packet, part, nowNs)
            : ExecuteRead(packet, part);
        if (executed && (packet.Flags & PacketFlags.AcknowledgeRequest) != 0 && part.Has(PacketTraits.Send | PacketTraits.Write))
        {
            _acknowledgement.Acknowledge(_expectedPsn - 1);
            _qp.Schedule();
        }
    }

    /// <summary>
    /// The connection ends here: a NAK for the request goes out, after the answers that were owed before it, and the QP is in error.
    /// IBTA vol. 1, 9.9.3.
    /// </summary>
    private ResponderVerdict Fail(NakCode code, Psn at, QueuePairEvent? raise, long nowNs)
    {
        Counters.FatalNaksSent++;
        _acknowledgement.Refuse(AethSyndrome.Nak(code), at);
        _closing = true;
        if (raise is { } kind)
        {
            _qp.Host.RaiseEvent(_qp, kind);
        }

        _qp.EnterError(nowNs);
        _qp.Schedule();
        return ResponderVerdict.Finished;
    }

    /// <summary>Drops everything without completions.</summary>
    public void Reset()
    {
        if (_receive != null)
        {
            Slots.Return(_receive);
            _receive = null;
        }

        Begin(default);
    }

    /// <summary>
    /// Completes the message in progress and all posted receives with <see cref="CompletionStatus.FlushError"/>. What is owed to the
    /// peer is forgotten, unless it was the peer's fault and a NAK is to tell it.
    /// </summary>
    public void FlushAll(long nowNs)
    {
        _message = MessageKind.None;
        _reorder?.Clear();
        if (!_closing)
        {
            _resources = null;
            _acknowledgement.Clear();
        }

        if (_receive != null)
        {
            FinishReceive(CompletionStatus.FlushError, null);
        }

        if (_qp.Config.UsesSharedReceiveQueue)
        {
            _qp.Host.RaiseEvent(_qp, QueuePairEvent.LastWorkRequestReached);
        }

        FlushQueue(nowNs);
    }

    /// <summary>The error state: what the guest posts is flushed. One call does at most what the queue can hold.</summary>
    public void FlushQueue(long nowNs)
    {
        if (_qp.Config.UsesSharedReceiveQueue)
        {
            return;
        }

        for (int i = 0; i < _qp.Config.ReceiveQueueDepth; i++)
        {
            ReceiveSlot* slot = Slots.Take(nowNs);
            if (_qp.Host.FetchReceive(_qp, ref slot->Request) == FetchVerdict.Empty)
            {
                Slots.Return(slot);
                return;
            }

            _receive = slot;
            FinishReceive(CompletionStatus.FlushError, null);
        }
    }
}
