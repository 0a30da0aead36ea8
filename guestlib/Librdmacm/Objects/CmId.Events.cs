using System.Net;
using RoceEngine.ConnectionManager.Messages;
using RoceEngine.ConnectionManager.Protocol;
using RoceEngine.Interop;
using RoceEngine.Libibverbs;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Verbs;

namespace RoceEngine.Librdmacm.Objects;

using Addresses = RoceEngine.Libibverbs.Addresses;

/// <content>Events on their way to the program.</content>
internal sealed unsafe partial class CmId
{
    private UnpolledCompletions? _beforeDisconnect;

    /// <summary>The connection manager says something. Under its lock: must not block. False when it is too early to tell the program.</summary>
    public bool TryRaise(CmEvent happened)
    {
        if (happened.Kind == CmEventKind.Disconnected && _queuePair is { } queuePair && !_hasDisconnected)
        {
            _beforeDisconnect ??= new UnpolledCompletions(queuePair);
            if (!_beforeDisconnect.ArePolled)
            {
                return false;
            }
        }

        RdmaEventType type = happened.Kind switch
        {
            CmEventKind.Request or CmEventKind.ResolveRequest => RdmaEventType.ConnectRequest,
            CmEventKind.Reply => RdmaEventType.ConnectResponse,
            CmEventKind.Established => RdmaEventType.Established,
            CmEventKind.Rejected => RdmaEventType.Rejected,
            CmEventKind.Unreachable => RdmaEventType.Unreachable,
            CmEventKind.Disconnected => RdmaEventType.Disconnected,
            CmEventKind.TimeWaitEnded => RdmaEventType.TimeWaitExit,
            CmEventKind.Resolved => happened.Status == 0 ? RdmaEventType.Established : RdmaEventType.Unreachable,
            _ => throw new InvalidOperationException($"event {happened.Kind}"),
        };
        _channel.Add(new PendingEvent(this, type, happened.Status, happened));
        return true;
    }

    /// <summary>Does what the library does for an event. Returns what the program gets; null when it gets nothing.</summary>
    public RdmaCmEvent* Process(PendingEvent pending)
    {
        switch (pending)
        {
            case { Type: RdmaEventType.ConnectRequest, Cause.Exchange: { } exchange }:
                return ProcessRequest(pending, exchange);
            case { Type: RdmaEventType.ConnectResponse, Cause: { } cause }:
                return ProcessResponse(cause);
            case { Type: RdmaEventType.Established, Cause.Exchange: CmResolution resolution }:
                return Describe(DeliveredEvent.Create(Events, this, RdmaEventType.Established, 0), resolution.Reply!);
            case { Type: RdmaEventType.MulticastJoin, Group: { } group }:
                return ProcessJoin(group);
            default:
                if (pending.Type == RdmaEventType.Rejected && Pointer->Qp != null)
                {
                    FailQueuePair();
                }

                RdmaCmEvent* made = DeliveredEvent.Create(Events, this, pending.Type, pending.Status);
                if (pending.Type is RdmaEventType.Rejected or RdmaEventType.Unreachable && pending.Cause is { } said)
                {
                    DeliveredEvent.SetPrivateData(made, said.PrivateData);
                }

                return made;
        }
    }

    /// <summary>A request that the program will not see any more.</summary>
    private static void DropRequest(PendingEvent pending)
    {
        if (pending.Type == RdmaEventType.ConnectRequest && pending.Cause is { } cause)
        {
            _ = CmDevice.Open().Service.Call((core, now) =>
            {
                switch (cause.Exchange)
                {
                    case CmConnection connection:
                        core.Abandon(connection, now);
                        break;
                    case CmResolution resolution:
                        core.Abandon(resolution, now);
                        break;
                }

                return 0;
            });
        }
    }

    /// <summary>A peer's request: an identifier of its own, on the listener's channel.</summary>
    private RdmaCmEvent* ProcessRequest(PendingEvent pending, CmExchange exchange)
    {
        byte[] data = pending.Cause!.PrivateData;
        AddressHeader? header = AddressHeader.Read(data);
        CmId id;
        try
        {
            id = new CmId(IsSynchronous ? null : _channel, Pointer->Context, Space, Pointer->QpType);
            id.TakeRequest(exchange, header ?? new AddressHeader(exchange.Peer, CmDevice.Open().Address, 0), _localPort);
        }
        catch (Exception e) when (e is VerbsException or SystemCallException)
        {
            DropRequest(pending);
            return null;
        }

        RdmaCmEvent* made = DeliveredEvent.Create(Events, id, RdmaEventType.ConnectRequest, 0);
        made->ListenId = Pointer;
        DeliveredEvent.SetPrivateData(made, header is null ? data : data.AsSpan(AddressHeader.Bytes));
        if (exchange is CmConnection { Request: { } request })
        {
            made->Param.ResponderResources = request.InitiatorDepth;
            made->Param.InitiatorDepth = request.ResponderResources;
            made->Param.FlowControl = request.FlowControl ? (byte)1 : (byte)0;
            made->Param.RetryCount = request.RetryCount;
            made->Param.RnrRetryCount = request.RnrRetryCount;
            made->Param.Srq = request.UsesSharedReceiveQueue ? (byte)1 : (byte)0;
            made->Param.QpNum = request.QueuePairNumber;
        }

        return made;
    }

    private void TakeRequest(CmExchange exchange, AddressHeader header, ushort port)
    {
        _connection = exchange as CmConnection;
        _resolution = exchange as CmResolution;
        _localPort = port;
        CmDevice device = UseDevice(null);
        SetLocal(device.Address);
        SetPeer(exchange.Peer, header.SourcePort);
        WriteRoute();
        State = CmIdState.Requested;
        device.Service.Call((_, _) => exchange.Owner = this);
    }

    /// <summary>The peer accepted: the QP goes to RTS, and the peer is told. <c>rdma_get_cm_event(3)</c> does that for QPs of identifiers.</summary>
    private RdmaCmEvent* ProcessResponse(CmEvent cause)
    {
        var connection = (CmConnection)cause.Exchange;
        RdmaEventType type = RdmaEventType.ConnectResponse;
        int status = 0;
        if (Pointer->Qp != null)
        {
            try
            {
                Move(QueuePairState.ReadyToReceive);
                Move(QueuePairState.ReadyToSend);
                if (!Device.Service.Call((core, _) => core.TryEstablish(connection, [])))
                {
                    return null;
                }

                type = RdmaEventType.Established;
            }
            catch (Exception e)
            {
                status = -Failure.Of(e);
                type = RdmaEventType.ConnectError;
                _ = Device.Service.Call((core, now) => core.TryReject(connection, RejectReason.Consumer, [], now));
            }
        }

        RdmaCmEvent* made = DeliveredEvent.Create(Events, this, type, status);
        DeliveredEvent.SetPrivateData(made, cause.PrivateData);
        ConnectReply reply = connection.Reply!;
        made->Param.ResponderResources = reply.InitiatorDepth;
        made->Param.InitiatorDepth = reply.ResponderResources;
        made->Param.FlowControl = reply.FlowControl ? (byte)1 : (byte)0;
        made->Param.RnrRetryCount = reply.RnrRetryCount;
        made->Param.Srq = reply.UsesSharedReceiveQueue ? (byte)1 : (byte)0;
        made->Param.QpNum = reply.QueuePairNumber;
        return made;
    }

    private RdmaCmEvent* Describe(RdmaCmEvent* made, ResolveReply reply)
    {
        DeliveredEvent.SetPrivateData(made, reply.PrivateData);
        made->Ud.AhAttr = WayTo(_peer!);
        made->Ud.QpNum = reply.QueuePairNumber;
        made->Ud.Qkey = reply.QueueKey;
        return made;
    }

    private IbvAhAttr WayTo(IPAddress destination) => Addresses.Write(new AddressHandleAttributes
    {
        DestinationAddress = destination,
        TrafficClass = _trafficClass,
        HopLimit = Addresses.DefaultHopLimit,
    });
}
