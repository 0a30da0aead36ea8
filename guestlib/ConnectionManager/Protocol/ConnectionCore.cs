using System.Diagnostics.CodeAnalysis;
using System.Net;
using RoceEngine.ConnectionManager.Messages;

namespace RoceEngine.ConnectionManager.Protocol;

/// <summary>
/// The connection manager of one device, without I/O: messages, calls and the time go in; messages, events and a deadline come out. Not safe for
/// concurrent use. IBTA vol. 1, chapter 12.
/// </summary>
public sealed partial class ConnectionCore(ConnectionOptions options)
{
    private const int TimedOut = -110;

    private readonly Dictionary<ulong, CmListener> _listeners = [];
    private readonly Dictionary<uint, CmConnection> _connections = [];
    private readonly Dictionary<(IPAddress Peer, uint RemoteId), CmConnection> _requests = [];
    private readonly Dictionary<(IPAddress Peer, uint QueuePair), CmConnection> _established = [];
    private readonly PriorityQueue<CmExchange, long> _deadlines = new();
    private readonly Queue<(IPAddress Destination, byte[] Datagram)> _sends = new();
    private readonly Queue<CmEvent> _events = new();
    private int _pending;
    private uint _lastId = options.Random();

    /// <summary>What happened so far.</summary>
    public ConnectionCounters Counters { get; } = new();

    /// <summary>Connections that are there or remembered.</summary>
    public int ConnectionCount => _connections.Count;

    /// <summary>When <see cref="HandleTimeouts"/> is due; <see cref="long.MaxValue"/> for never.</summary>
    public long NextDeadlineNs
    {
        get
        {
            while (_deadlines.TryPeek(out CmExchange? exchange, out long when))
            {
                if (exchange.DeadlineNs == when)
                {
                    return when;
                }

                _ = _deadlines.Dequeue();
            }

            return long.MaxValue;
        }
    }

    /// <summary>Waits for requests, those of a moment ago included. False when somebody else does.</summary>
    public bool TryListen(ulong serviceId, long nowNs, [NotNullWhen(true)] out CmListener? listener)
    {
        listener = new CmListener { ServiceId = serviceId };
        if (!_listeners.TryAdd(serviceId, listener))
        {
            return false;
        }

        HandleEarly(serviceId, nowNs);
        return true;
    }

    /// <summary>Waits no longer. What was asked for already goes on.</summary>
    public void StopListening(CmListener listener) => _listeners.Remove(listener.ServiceId);

    /// <summary>Takes the next message to be sent.</summary>
    public bool TryTakeSend([NotNullWhen(true)] out IPAddress? destination, [NotNullWhen(true)] out byte[]? datagram)
    {
        bool any = _sends.TryDequeue(out (IPAddress Destination, byte[] Datagram) send);
        (destination, datagram) = send;
        return any;
    }

    /// <summary>Takes the next event.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out CmEvent? taken) => _events.TryDequeue(out taken);

    /// <summary>A datagram to this device's QP of general services.</summary>
    /// <param name="datagram">Its payload, which may be anything.</param>
    /// <param name="source">Who sent it.</param>
    /// <param name="nowNs">The time.</param>
    public void HandleDatagram(ReadOnlySpan<byte> datagram, IPAddress source, long nowNs)
    {
        if (!ManagementDatagram.TryRead(datagram, out CmAttribute attribute, out ulong transaction))
        {
            Counters.Malformed++;
            return;
        }

        Counters.Received++;
        ReadOnlySpan<byte> message = ManagementDatagram.MessageOf(datagram);
        switch (attribute)
        {
            case CmAttribute.ConnectRequest:
                HandleRequest(ConnectRequest.Read(message), source, transaction, nowNs);
                break;
            case CmAttribute.ConnectReply:
                HandleReply(ConnectReply.Read(message), source, transaction, nowNs);
                break;
            case CmAttribute.ReadyToUse:
            case CmAttribute.ReceiptAck:
            case CmAttribute.Reject:
            case CmAttribute.DisconnectRequest:
            case CmAttribute.DisconnectReply:
                HandleNotice(ConnectionNotice.Read(attribute, message), source, transaction, nowNs);
                break;
            case CmAttribute.ResolveRequest:
                HandleResolveRequest(ResolveRequest.Read(message), source, transaction, nowNs);
                break;
            case CmAttribute.ResolveReply:
                HandleResolveReply(ResolveReply.Read(message), source);
                break;
            default:
                Counters.Malformed++;
                break;
        }
    }

    /// <summary>Does what is due.</summary>
    public void HandleTimeouts(long nowNs)
    {
        while (NextDeadlineNs <= nowNs)
        {
            CmExchange exchange = _deadlines.Dequeue();
            exchange.DeadlineNs = long.MaxValue;
            if (exchange.Unanswered is { } message && exchange.RetriesLeft > 0)
            {
                exchange.RetriesLeft--;
                Counters.Retries++;
                Send(exchange.Peer, message);
                SetDeadline(exchange, nowNs + exchange.IntervalNs);
            }
            else if (exchange is CmConnection connection)
            {
                GiveUp(connection, nowNs);
            }
            else if (exchange is CmResolution resolution)
            {
                GiveUp(resolution);
            }
            else if (exchange is CmEarlyRequest early)
            {
                HandleEarly(early, nowNs);
            }
        }
    }

    private void Send(IPAddress destination, byte[] datagram)
    {
        Counters.Sent++;
        _sends.Enqueue((destination, datagram));
    }

    /// <summary>Sends a message until it is answered.</summary>
    private void SendUntilAnswered(CmExchange exchange, byte[] datagram, byte timeoutCode, int retries, long nowNs)
    {
        exchange.Unanswered = datagram;
        exchange.RetriesLeft = retries;
        exchange.IntervalNs = ConnectionOptions.ToNanoseconds(timeoutCode);
        Send(exchange.Peer, datagram);
        SetDeadline(exchange, nowNs + exchange.IntervalNs);
    }

    private static void StopRepeating(CmExchange exchange)
    {
        exchange.Unanswered = null;
        exchange.DeadlineNs = long.MaxValue;
    }

    private void SetDeadline(CmExchange exchange, long whenNs)
    {
        exchange.DeadlineNs = whenNs;
        _deadlines.Enqueue(exchange, whenNs);
    }

    private void Raise(CmEventKind kind, CmExchange exchange, int status = 0, byte[]? privateData = null)
    {
        if (!exchange.IsAbandoned)
        {
            _events.Enqueue(new CmEvent(kind, exchange, status, privateData ?? []));
        }
    }

    /// <summary>A number that no connection of this side has.</summary>
    private uint NextId()
    {
        do
        {
            _lastId++;
        }
        while (_lastId == 0 || _connections.ContainsKey(_lastId) || _asked.ContainsKey(_lastId));

        return _lastId;
    }
}
