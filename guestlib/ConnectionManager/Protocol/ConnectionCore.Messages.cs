using System.Net;
using RoceEngine.ConnectionManager.Messages;

namespace RoceEngine.ConnectionManager.Protocol;

/// <content>What peers say about connections.</content>
public sealed partial class ConnectionCore
{
    /// <summary>REQ. IBTA vol. 1, 12.9.8.3.1; a request that comes again is answered again, 12.9.8.3.</summary>
    private void HandleRequest(ConnectRequest request, IPAddress source, ulong transaction, long nowNs, bool mayBeEarly = true)
    {
        if (_requests.TryGetValue((source, request.LocalId), out CmConnection? known))
        {
            Counters.Duplicates++;
            AnswerAgain(known);
            return;
        }

        if (mayBeEarly
            && TryKeepEarly(source, transaction, request.ServiceId, now => HandleRequest(request, source, transaction, now, mayBeEarly: false), nowNs))
        {
            return;
        }

        if (FindReasonToRefuse(request, source, nowNs, out CmListener? listener) is { } reason)
        {
            Counters.Refused++;
            var refusal = new ConnectionNotice { Attribute = CmAttribute.Reject, RemoteId = request.LocalId, Reason = reason };
            Send(source, refusal.Write(transaction));
            return;
        }

        var connection = new CmConnection
        {
            Peer = source,
            LocalId = NextId(),
            RemoteId = request.LocalId,
            Transaction = transaction,
            Listener = listener,
            State = ConnectionState.RequestReceived,
            Request = request,
        };
        _connections.Add(connection.LocalId, connection);
        _requests.Add((source, request.LocalId), connection);
        _pending++;
        Raise(CmEventKind.Request, connection, 0, request.PrivateData);
    }

    private RejectReason? FindReasonToRefuse(ConnectRequest request, IPAddress source, long nowNs, out CmListener? listener)
    {
        if (!_listeners.TryGetValue(request.ServiceId, out listener))
        {
            return RejectReason.InvalidServiceId;
        }

        const byte unreliableConnection = 1;
        return request.Transport > unreliableConnection ? RejectReason.InvalidTransport
            : request.PathMtuCode is 0 || request.PathMtuCode > options.PathMtuCodeMax ? RejectReason.InvalidPathMtu
            : EndStale(request, source, nowNs) ? RejectReason.StaleConnection
            : _pending >= options.PendingMax ? RejectReason.NoResources
            : null;
    }

    /// <summary>
    /// The QP that asks is connected as far as this side knows: the peer forgot, as one does that died. The old connection ends. IBTA vol. 1, 12.9.8.3.1.
    /// </summary>
    private bool EndStale(ConnectRequest request, IPAddress source, long nowNs)
    {
        if (_established.TryGetValue((source, request.QueuePairNumber), out CmConnection? connection))
        {
            return TryDisconnect(connection, nowNs);
        }

        return false;
    }

    private void AnswerAgain(CmConnection connection)
    {
        if (connection.State == ConnectionState.RequestReceived)
        {
            // The application takes its time; the peer shall wait that long. IBTA vol. 1, 12.6.6.
            Send(connection.Peer, Notice(connection, CmAttribute.ReceiptAck, serviceTimeout: options.ServiceTimeoutCode));
        }
        else if (connection.State is ConnectionState.ReplySent or ConnectionState.TimeWait && connection.Answer is { } answer)
        {
            Send(connection.Peer, answer);
        }
    }

    /// <summary>REP. IBTA vol. 1, 12.9.8.5 (a repeated one is answered by RTU again).</summary>
    private void HandleReply(ConnectReply reply, IPAddress source, ulong transaction, long nowNs)
    {
        if (Find(reply.RemoteId, reply.LocalId, source) is not { IsActive: true } connection)
        {
            Counters.Strays++;
            var refusal = new ConnectionNotice
            {
                Attribute = CmAttribute.Reject, RemoteId = reply.LocalId, LocalId = reply.RemoteId, Answers = 1, Reason = RejectReason.InvalidCommunicationId,
            };
            Send(source, refusal.Write(transaction));
            return;
        }

        switch (connection.State)
        {
            case ConnectionState.RequestSent:
                StopRepeating(connection);
                connection.RemoteId = reply.LocalId;
                connection.Reply = reply;
                connection.State = ConnectionState.ReplyReceived;
                Raise(CmEventKind.Reply, connection, 0, reply.PrivateData);
                break;
            case ConnectionState.ReplyReceived:
                Counters.Duplicates++;
                Send(connection.Peer, Notice(connection, CmAttribute.ReceiptAck, answers: 1, serviceTimeout: options.ServiceTimeoutCode));
                break;
            case ConnectionState.Established or ConnectionState.TimeWait when connection.Answer is { } answer:
                Counters.Duplicates++;
                Send(connection.Peer, answer);
                break;
            default:
                Counters.OutOfPlace++;
                break;
        }
    }

    private void HandleNotice(ConnectionNotice notice, IPAddress source, ulong transaction, long nowNs)
    {
        if (Find(notice.RemoteId, notice.LocalId, source) is not { } connection)
        {
            Counters.Strays++;
            if (notice.Attribute == CmAttribute.DisconnectRequest)
            {
                // Forgotten here, so it is over. The peer shall not wait for it.
                var reply = new ConnectionNotice { Attribute = CmAttribute.DisconnectReply, LocalId = notice.RemoteId, RemoteId = notice.LocalId };
                Send(source, reply.Write(transaction));
            }

            return;
        }

        switch (notice.Attribute)
        {
            case CmAttribute.ReadyToUse when connection.State == ConnectionState.ReplySent:
                BecomeEstablished(connection, notice.PrivateData);
                break;
            case CmAttribute.ReceiptAck when connection.State is ConnectionState.RequestSent or ConnectionState.ReplySent && connection.RetriesLeft > 0:
                // One for each retry: MRAs without end must not hold it for ever.
                connection.RetriesLeft--;
                SetDeadline(connection, nowNs + connection.IntervalNs + ConnectionOptions.ToNanoseconds(Math.Min(notice.ServiceTimeout, options.ServiceTimeoutCode)));
                break;
            case CmAttribute.Reject:
                HandleReject(connection, notice, nowNs);
                break;
            case CmAttribute.DisconnectRequest:
                HandleDisconnect(connection, notice, nowNs);
                break;
            case CmAttribute.DisconnectReply when connection.State == ConnectionState.DisconnectSent:
                End(connection, 0, notice.PrivateData, nowNs);
                break;
            case CmAttribute.ReadyToUse or CmAttribute.DisconnectReply or CmAttribute.ReceiptAck:
                Counters.OutOfPlace++;
                break;
        }
    }

    private void BecomeEstablished(CmConnection connection, byte[] privateData)
    {
        StopRepeating(connection);
        connection.Answer = null;
        Establish(connection);
        Raise(CmEventKind.Established, connection, 0, privateData);
    }

    private void Establish(CmConnection connection)
    {
        connection.State = ConnectionState.Established;
        connection.WasEstablished = true;
        _established[(connection.Peer, connection.RemoteQueuePair)] = connection;
    }

    private void HandleReject(CmConnection connection, ConnectionNotice notice, long nowNs)
    {
        switch (connection.State)
        {
            case ConnectionState.RequestSent or ConnectionState.ReplySent or ConnectionState.ReplyReceived or ConnectionState.RequestReceived:
                if (connection.State == ConnectionState.RequestReceived)
                {
                    _pending--;
                }

                connection.Answer = null;
                EnterTimeWait(connection, nowNs);
                Raise(CmEventKind.Rejected, connection, (int)notice.Reason, notice.PrivateData);
                break;
            case ConnectionState.DisconnectSent:
                End(connection, 0, [], nowNs);
                break;
            default:
                Counters.OutOfPlace++;
                break;
        }
    }

    /// <summary>DREQ; answered at once, so that no peer waits for an application. IBTA vol. 1, 12.9.8.6, 12.6.10.</summary>
    private void HandleDisconnect(CmConnection connection, ConnectionNotice notice, long nowNs)
    {
        if (notice.QueuePairNumber != connection.LocalQueuePair)
        {
            Counters.Strays++;
            return;
        }

        switch (connection.State)
        {
            case ConnectionState.ReplySent or ConnectionState.Established or ConnectionState.DisconnectSent:
                connection.Answer = Notice(connection, CmAttribute.DisconnectReply);
                Send(connection.Peer, connection.Answer);
                End(connection, 0, notice.PrivateData, nowNs);
                break;
            case ConnectionState.TimeWait:
                Counters.Duplicates++;
                Send(connection.Peer, Notice(connection, CmAttribute.DisconnectReply));
                break;
            default:
                Counters.OutOfPlace++;
                break;
        }
    }

    private void End(CmConnection connection, int status, byte[] privateData, long nowNs)
    {
        EnterTimeWait(connection, nowNs);
        Raise(CmEventKind.Disconnected, connection, status, privateData);
    }

    private void EnterTimeWait(CmConnection connection, long nowNs)
    {
        StopRepeating(connection);
        connection.State = ConnectionState.TimeWait;
        if (_established.TryGetValue((connection.Peer, connection.RemoteQueuePair), out CmConnection? current) && current == connection)
        {
            _ = _established.Remove((connection.Peer, connection.RemoteQueuePair));
        }

        // A refusal is remembered for as long as the peer may ask again, having heard nothing.
        SetDeadline(connection, nowNs + (connection.WasEstablished || connection.IsActive ? options.TimeWaitNs : RememberNs));
    }

    /// <summary>No answer came, or the time to wait is over.</summary>
    private void GiveUp(CmConnection connection, long nowNs)
    {
        switch (connection.State)
        {
            case ConnectionState.RequestSent or ConnectionState.ReplySent:
                Reject(connection, RejectReason.Timeout, [], nowNs);
                Raise(CmEventKind.Unreachable, connection, TimedOut);
                break;
            case ConnectionState.DisconnectSent:
                End(connection, TimedOut, [], nowNs);
                break;
            case ConnectionState.TimeWait:
                connection.State = ConnectionState.Idle;
                _ = _connections.Remove(connection.LocalId);
                if (!connection.IsActive)
                {
                    _ = _requests.Remove((connection.Peer, connection.RemoteId));
                }

                if (connection.WasEstablished)
                {
                    Raise(CmEventKind.TimeWaitEnded, connection);
                }

                break;
        }
    }

    /// <summary>The connection that a message of a peer is about; null when there is none, or it is somebody else's.</summary>
    private CmConnection? Find(uint localId, uint remoteId, IPAddress source) =>
        _connections.TryGetValue(localId, out CmConnection? connection) && connection.Peer.Equals(source)
            && (connection.RemoteId == remoteId || connection.RemoteId == 0)
            ? connection
            : remoteId != 0 && localId == 0 ? FindByRemote(remoteId, source) : null;

    // A peer that gives up before it knows this side's number names its own alone.
    private CmConnection? FindByRemote(uint remoteId, IPAddress source) => _requests.GetValueOrDefault((source, remoteId));
}
