using System.Net;
using RoceEngine.ConnectionManager.Messages;

namespace RoceEngine.ConnectionManager.Protocol;

/// <content>Finding the QP that serves datagrams: SIDR. IBTA vol. 1, 12.11.</content>
public sealed partial class ConnectionCore
{
    private readonly Dictionary<uint, CmResolution> _asked = [];
    private readonly Dictionary<(IPAddress Peer, uint RequestId), CmResolution> _answered = [];

    /// <summary>Asks a peer for the QP of a service.</summary>
    public CmResolution Resolve(IPAddress peer, ResolveRequest request, long nowNs)
    {
        uint id = NextId();
        var resolution = new CmResolution
        {
            Peer = peer, Request = request with { RequestId = id }, Transaction = ((ulong)options.Random() << 32) | id,
        };
        _asked.Add(id, resolution);
        SendUntilAnswered(resolution, resolution.Request.Write(resolution.Transaction), options.ResponseTimeoutCode, options.MaxRetries, nowNs);
        return resolution;
    }

    /// <summary>Answers a peer's request; false when it was answered already.</summary>
    public bool TryAnswer(CmResolution resolution, ResolveReply reply, long nowNs)
    {
        if (resolution.Reply is not null || resolution.IsActive)
        {
            return false;
        }

        _pending--;
        resolution.Reply = reply with { RequestId = resolution.Request.RequestId, ServiceId = resolution.Request.ServiceId };
        resolution.Answer = resolution.Reply.Write(resolution.Transaction);
        Send(resolution.Peer, resolution.Answer);
        SetDeadline(resolution, nowNs + RememberNs);
        return true;
    }

    /// <summary>The application has no use for it any more.</summary>
    public void Abandon(CmResolution resolution, long nowNs)
    {
        resolution.IsAbandoned = true;
        if (resolution.IsActive)
        {
            StopRepeating(resolution);
            _ = _asked.Remove(resolution.Request.RequestId);
        }
        else
        {
            _ = TryAnswer(resolution, new ResolveReply { Status = ResolveStatus.Rejected }, nowNs);
        }
    }

    // As long as the peer may ask again.
    private long RememberNs => ConnectionOptions.ToNanoseconds(options.ResponseTimeoutCode) * 2;

    private void HandleResolveRequest(ResolveRequest request, IPAddress source, ulong transaction, long nowNs, bool mayBeEarly = true)
    {
        if (_answered.TryGetValue((source, request.RequestId), out CmResolution? known))
        {
            Counters.Duplicates++;
            if (known.Answer is { } answer)
            {
                Send(source, answer);
            }

            return;
        }

        if (mayBeEarly
            && TryKeepEarly(source, transaction, request.ServiceId, now => HandleResolveRequest(request, source, transaction, now, mayBeEarly: false), nowNs))
        {
            return;
        }

        if (!_listeners.TryGetValue(request.ServiceId, out CmListener? listener) || _pending >= options.PendingMax)
        {
            Counters.Refused++;
            var refusal = new ResolveReply
            {
                RequestId = request.RequestId,
                ServiceId = request.ServiceId,
                Status = listener is null ? ResolveStatus.NotSupported : ResolveStatus.NoQueuePair,
            };
            Send(source, refusal.Write(transaction));
            return;
        }

        var resolution = new CmResolution { Peer = source, Request = request, Transaction = transaction, Listener = listener };
        _answered.Add((source, request.RequestId), resolution);
        _pending++;
        Raise(CmEventKind.ResolveRequest, resolution, 0, request.PrivateData);
    }

    private void HandleResolveReply(ResolveReply reply, IPAddress source)
    {
        if (!_asked.TryGetValue(reply.RequestId, out CmResolution? resolution) || !resolution.Peer.Equals(source)
            || (reply.Status == ResolveStatus.Valid && reply.ServiceId != resolution.Request.ServiceId))
        {
            Counters.Strays++;
            return;
        }

        StopRepeating(resolution);
        _ = _asked.Remove(reply.RequestId);
        resolution.Reply = reply;
        Raise(CmEventKind.Resolved, resolution, (int)reply.Status, reply.PrivateData);
    }

    private void GiveUp(CmResolution resolution)
    {
        if (!resolution.IsActive)
        {
            _ = _answered.Remove((resolution.Peer, resolution.Request.RequestId));
        }
        else if (_asked.Remove(resolution.Request.RequestId))
        {
            Raise(CmEventKind.Unreachable, resolution, TimedOut);
        }
    }
}
