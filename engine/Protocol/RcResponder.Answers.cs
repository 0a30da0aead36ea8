using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>Answers: READ and atomic responses in PSN order, then the one acknowledgement that is owed; and replay.</summary>
internal sealed unsafe partial class RcResponder
{
    /// <summary>Emits what is owed while it may; true when more could go at once.</summary>
    public bool Transmit(IPacketSink sink, ref int budget, long nowNs)
    {
        if (_resources is { HasPending: true } && TransmitResponses(sink, ref budget, nowNs))
        {
            return true;
        }

        if (_acknowledgement.IsDue)
        {
            if (!sink.HasRoom)
            {
                return true;
            }

            EmitAcknowledgement(sink);
            budget--;
        }

        return false;
    }

    private bool TransmitResponses(IPacketSink sink, ref int budget, long nowNs)
    {
        MemorySegment* room = stackalloc MemorySegment[Placement.SegmentsMax];
        Packet packet = default;
        packet.PartitionKey = 0xFFFF;
        packet.DestinationQpn = _qp.Attributes.DestinationQpn;
        packet.Segments = room;
        packet.Syndrome = AethSyndrome.Ack().Value;
        while (_resources!.HasPending)
        {
            if (budget <= 0 || !sink.HasRoom)
            {
                return true;
            }

            ref ReadAtomicResource resource = ref _resources.OldestPending;
            if (!TryFillResponse(ref resource, ref packet, sink))
            {
                if (resource.WasAnswered)
                {
                    // A copy of a request that was answered whole: it may have been late on its way, and must not end a connection whose key
                    // was taken back since.
                    Counters.DroppedTooOld++;
                    _resources.FinishOldestPending();
                    continue;
                }

                FailResponse(resource.FirstPsn + resource.NextIndex, nowNs);
                return false;
            }

            _acknowledgement.CoveredBy(packet.Psn);
            Route route = _qp.Path!.Route;
            Counters.ResponsePacketsSent += route.IsLocal ? 1 : packet.PsnCount;
            sink.Emit(packet, route);
            budget -= route.IsLocal ? 1 + (packet.PsnCount >> 4) : packet.PsnCount;
            resource.NextIndex += (uint)packet.PsnCount;
            if (resource.NextIndex == resource.AnswerEnd)
            {
                _resources.FinishOldestPending();
            }
        }

        return false;
    }

    private bool TryFillResponse(ref ReadAtomicResource resource, ref Packet packet, IPacketSink sink)
    {
        packet.Psn = resource.FirstPsn + resource.NextIndex;
        packet.MessageSequenceNumber = resource.MessageSequenceNumber;
        if (resource.Kind == ReadAtomicKind.Atomic)
        {
            packet.Opcode = Opcode.RcAtomicAcknowledge;
            packet.OriginalValue = resource.OriginalValue;
            packet.PsnCount = 1;
            packet.SegmentCount = 0;
            packet.PayloadBytes = 0;
            return true;
        }

        uint offset = (uint)((ulong)resource.NextIndex << _qp.MtuShift);
        Route route = _qp.Path!.Route;
        uint runBytes = route.IsLocal ? RcQueuePair.LocalRunBytes : 1u << _qp.MtuShift;
        if (!route.IsLocal && resource.NextIndex != resource.AnswerFrom && resource.AnswerEnd - resource.NextIndex > 2)
        {
            runBytes = Math.Clamp(resource.AnswerEnd - resource.NextIndex - 1, 1, (uint)sink.RunPackets(route, 1 << _qp.MtuShift)) << _qp.MtuShift;
        }

        uint bytes = Math.Min(runBytes, resource.AnswerEndBytes - offset);
        if (!TryTranslate(resource, offset, ref bytes, ref packet))
        {
            return false;
        }

        packet.PsnCount = (int)ReadPackets(bytes);
        bool first = resource.NextIndex == resource.AnswerFrom;
        bool last = resource.NextIndex + packet.PsnCount == resource.AnswerEnd;
        packet.Opcode = (first, last) switch
        {
            (true, true) => Opcode.RcReadResponseOnly,
            (true, false) => Opcode.RcReadResponseFirst,
            (false, true) => Opcode.RcReadResponseLast,
            _ => Opcode.RcReadResponseMiddle,
        };
        return true;
    }

    /// <summary>Looks the memory up again at each packet: the region may be gone since the request came.</summary>
    private bool TryTranslate(in ReadAtomicResource resource, uint offset, ref uint bytes, ref Packet packet)
    {
        var segments = new SegmentList(new Span<MemorySegment>(packet.Segments, Placement.SegmentsMax));
        uint mtuBytes = 1u << _qp.MtuShift;
        while (bytes > 0
            && _qp.Host.TranslateRemote(_qp, resource.RemoteKey, resource.Address + offset, bytes, AccessFlags.RemoteRead, ref segments)
                is var verdict and not AccessVerdict.Granted)
        {
            if (verdict == AccessVerdict.Denied || bytes <= mtuBytes)
            {
                return false;
            }

            bytes = Math.Max(bytes / 2 >> _qp.MtuShift << _qp.MtuShift, mtuBytes);
            segments.Clear();
        }

        packet.SegmentCount = segments.Count;
        packet.PayloadBytes = (int)bytes;
        return true;
    }

    private void FailResponse(Psn at, long nowNs)
    {
        _resources = null;
        if (_qp.State == QueuePairState.Error)
        {
            // Already closing: the NAK that is due says what comes after this READ; nothing true can be said any more.
            _acknowledgement.Clear();
            return;
        }

        Fail(NakCode.RemoteAccessError, at, QueuePairEvent.AccessError, nowNs);
    }

    private void EmitAcknowledgement(IPacketSink sink)
    {
        Packet packet = default;
        packet.PartitionKey = 0xFFFF;
        packet.DestinationQpn = _qp.Attributes.DestinationQpn;
        packet.Opcode = Opcode.RcAcknowledge;
        packet.Psn = _acknowledgement.Psn;
        packet.PsnCount = 1;
        packet.Syndrome = _acknowledgement.Syndrome.Value;
        packet.MessageSequenceNumber = _messageSequenceNumber;
        _acknowledgement.Clear();
        Counters.AcknowledgesSent++;
        sink.Emit(packet, _qp.Path!.Route);
    }

    /// <summary>A request that came before: acknowledged or answered again, not executed again. IBTA vol. 1, 9.7.5.1.4.</summary>
    private ResponderVerdict HandleDuplicate(in Packet packet, in Part part)
    {
        Counters.DuplicateRequests++;
        if (part.Has(PacketTraits.NeedsResponse))
        {
            Replay(packet, part);
        }
        else if (HasOpenHole && (packet.Flags & PacketFlags.AcknowledgeRequest) != 0)
        {
            // The peer asks again for what it had an answer to: the NAK of the hole was lost. It acknowledges all before as well.
            RequestResend();
        }
        else
        {
            _acknowledgement.Acknowledge(_expectedPsn - 1);
            _qp.Schedule();
        }

        return ResponderVerdict.Finished;
    }

    private void Replay(in Packet packet, in Part part)
    {
        uint position = 0;
        ref ReadAtomicResource resource = ref Unsafe.NullRef<ReadAtomicResource>();
        if (_resources is not null)
        {
            resource = ref _resources.Find(part.Psn, out position);
        }

        if (Unsafe.IsNullRef(ref resource) || resource.Kind != KindOf(part) || !TryRestart(ref resource, position, packet, part))
        {
            Counters.DroppedTooOld++;
            return;
        }

        Counters.ReplayedRequests++;
        _qp.Schedule();
    }

    /// <summary>Answers from the PSN that is asked for, when the request lies within the original one.</summary>
    private bool TryRestart(ref ReadAtomicResource resource, uint position, in Packet packet, in Part part)
    {
        if (resource.Kind != ReadAtomicKind.Read)
        {
            resource.NextIndex = 0;
            _resources!.MarkPending(position);
            return true;
        }

        uint index = (uint)part.Psn.DistanceFrom(resource.FirstPsn);
        ulong offset = (ulong)index << _qp.MtuShift;
        if (packet.RemoteKey != resource.RemoteKey
            || packet.RemoteAddress != resource.Address + offset
            || offset + packet.DmaLength > resource.Bytes)
        {
            return false;
        }

        ReadAtomicResource again = resource;
        again.NextIndex = index;
        again.AnswerFrom = index;
        again.AnswerEnd = index + ReadPackets(packet.DmaLength);
        again.AnswerEndBytes = (uint)offset + packet.DmaLength;
        if (!resource.IsPending || (index <= resource.NextIndex && again.AnswerEnd >= resource.AnswerEnd))
        {
            resource = again;
            _resources!.MarkPending(position);
        }
        else if (index < resource.NextIndex || again.AnswerEnd > resource.AnswerEnd)
        {
            // The rest of the answer is still to come: this part goes before it.
            _resources!.AddPart(again);
        }

        return true;
    }
}
