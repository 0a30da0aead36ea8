using System.Net;
using RoceEngine.ConnectionManager.Messages;

namespace RoceEngine.ConnectionManager.Protocol;

/// <content>What applications ask for. A call that the state does not allow returns false or does nothing.</content>
public sealed partial class ConnectionCore
{
    /// <summary>Asks a peer for a connection. <c>rdma_connect</c>.</summary>
    /// <param name="peer">Its address.</param>
    /// <param name="request">What to ask for; numbers, times and the node are filled in.</param>
    /// <param name="nowNs">The time.</param>
    public CmConnection Connect(IPAddress peer, ConnectRequest request, long nowNs)
    {
        uint id = NextId();
        var connection = new CmConnection
        {
            Peer = peer,
            LocalId = id,
            Transaction = ((ulong)options.Random() << 32) | id,
            State = ConnectionState.RequestSent,
            Request = request with
            {
                LocalId = id,
                NodeGuid = options.NodeGuid,
                RemoteResponseTimeout = options.ResponseTimeoutCode,
                LocalResponseTimeout = options.ResponseTimeoutCode,
                MaxRetries = options.MaxRetries,
            },
        };
        _connections.Add(id, connection);
        SendUntilAnswered(connection, connection.Request.Write(connection.Transaction), options.ResponseTimeoutCode, options.MaxRetries, nowNs);
        return connection;
    }

    /// <summary>Accepts a peer's request. <c>rdma_accept</c> of the passive side.</summary>
    public bool TryAccept(CmConnection connection, ConnectReply reply, long nowNs)
    {
        if (connection.State != ConnectionState.RequestReceived)
        {
            return false;
        }

        _pending--;
        connection.Reply = reply with { LocalId = connection.LocalId, RemoteId = connection.RemoteId, NodeGuid = options.NodeGuid };
        connection.State = ConnectionState.ReplySent;
        byte[] datagram = connection.Reply.Write(connection.Transaction);
        connection.Answer = datagram;

        // The peer says how long its answer may take, and how often to ask; but a lie must not keep the connection for hours.
        byte timeout = Math.Clamp(connection.Request.LocalResponseTimeout, (byte)8, options.ResponseTimeoutCode);
        SendUntilAnswered(connection, datagram, timeout, connection.Request.MaxRetries, nowNs);
        return true;
    }

    /// <summary>Refuses a peer's request, or the reply to an own one. <c>rdma_reject</c>.</summary>
    public bool TryReject(CmConnection connection, RejectReason reason, byte[] privateData, long nowNs)
    {
        if (connection.State is not (ConnectionState.RequestReceived or ConnectionState.ReplyReceived or ConnectionState.ReplySent))
        {
            return false;
        }

        Reject(connection, reason, privateData, nowNs);
        return true;
    }

    /// <summary>The own QP is ready for a connection that the peer accepted. <c>rdma_accept</c> of the active side, <c>rdma_establish</c>.</summary>
    public bool TryEstablish(CmConnection connection, byte[] privateData)
    {
        if (connection.State != ConnectionState.ReplyReceived)
        {
            return false;
        }

        Establish(connection);
        connection.Answer = Notice(connection, CmAttribute.ReadyToUse, privateData: privateData);
        Send(connection.Peer, connection.Answer);
        return true;
    }

    /// <summary>A message of the peer came to the QP before its RTU, which may be lost. <c>rdma_notify</c>.</summary>
    public bool TryNotifyEstablished(CmConnection connection)
    {
        if (connection.State != ConnectionState.ReplySent)
        {
            return connection.State == ConnectionState.Established;
        }

        BecomeEstablished(connection, []);
        return true;
    }

    /// <summary>Ends a connection. <c>rdma_disconnect</c>. True as well when the peer has ended it already.</summary>
    public bool TryDisconnect(CmConnection connection, long nowNs)
    {
        switch (connection.State)
        {
            case ConnectionState.Established:
            case ConnectionState.ReplySent:
                connection.State = ConnectionState.DisconnectSent;
                SendUntilAnswered(connection, Notice(connection, CmAttribute.DisconnectRequest), options.ResponseTimeoutCode, options.MaxRetries, nowNs);
                return true;
            case ConnectionState.DisconnectSent:
            case ConnectionState.TimeWait:
                return true;
            default:
                return false;
        }
    }

    /// <summary>The application has no use for the connection any more: it is ended in the way that its state asks for, without further events.</summary>
    public void Abandon(CmConnection connection, long nowNs)
    {
        connection.IsAbandoned = true;
        switch (connection.State)
        {
            case ConnectionState.RequestSent:
                Reject(connection, RejectReason.Timeout, [], nowNs);
                break;
            case ConnectionState.RequestReceived:
            case ConnectionState.ReplyReceived:
            case ConnectionState.ReplySent:
                Reject(connection, RejectReason.Consumer, [], nowNs);
                break;
            case ConnectionState.Established:
                _ = TryDisconnect(connection, nowNs);
                break;
            default:
                break;
        }
    }

    /// <summary>The application has no use for any connection any more: as <see cref="Abandon"/> of each.</summary>
    /// <returns>How many peers are told.</returns>
    public int AbandonAll(long nowNs)
    {
        int before = _sends.Count;
        foreach (CmConnection connection in _connections.Values.ToArray())
        {
            Abandon(connection, nowNs);
        }

        return _sends.Count - before;
    }

    private void Reject(CmConnection connection, RejectReason reason, byte[] privateData, long nowNs)
    {
        if (connection.State == ConnectionState.RequestReceived)
        {
            _pending--;
        }

        byte answers = connection.State switch
        {
            ConnectionState.RequestReceived => 0,
            ConnectionState.ReplyReceived => 1,
            _ => 2,
        };
        connection.Answer = Notice(connection, CmAttribute.Reject, answers, reason, privateData);
        Send(connection.Peer, connection.Answer);
        EnterTimeWait(connection, nowNs);
    }

    private static byte[] Notice(
        CmConnection connection, CmAttribute attribute, byte answers = 0, RejectReason reason = default, byte[]? privateData = null, byte serviceTimeout = 0) =>
        new ConnectionNotice
        {
            Attribute = attribute,
            LocalId = connection.LocalId,
            RemoteId = connection.RemoteId,
            QueuePairNumber = connection.RemoteQueuePair,
            Answers = answers,
            Reason = reason,
            ServiceTimeout = serviceTimeout,
            PrivateData = privateData ?? [],
        }.Write(connection.Transaction);
}
