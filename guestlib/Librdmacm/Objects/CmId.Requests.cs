using RoceEngine.Libibverbs.Abi;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Verbs;

namespace RoceEngine.Librdmacm.Objects;

/// <content>A synchronous listener: peers are taken one by one.</content>
internal sealed unsafe partial class CmId
{
    private IbvQpInitAttr? _requestAttributes;
    private IbvPd* _requestDomain;

    /// <summary>The QPs that peers' identifiers shall have. <c>rdma_create_ep(3)</c>.</summary>
    public void KeepForRequests(IbvPd* domain, IbvQpInitAttr* attributes)
    {
        _requestDomain = domain;
        _requestAttributes = attributes == null ? null : *attributes;
    }

    /// <summary><c>rdma_get_request(3)</c>.</summary>
    /// <exception cref="VerbsException">EINVAL: the identifier has an event channel of the program's, or something else happened.</exception>
    public RdmaCmId* TakeRequest()
    {
        if (!IsSynchronous || State != CmIdState.Listening)
        {
            throw Wrong("rdma_get_request", State);
        }

        int errno = _channel.Take(out RdmaCmEvent* taken);
        if (errno != 0)
        {
            throw new VerbsException(errno, "rdma_get_request: waiting failed");
        }

        if (taken->Event != (int)RdmaEventType.ConnectRequest || taken->Status != 0)
        {
            DeliveredEvent.Acknowledge(taken);
            throw new VerbsException(Errno.Invalid, "rdma_get_request: the listener was told something else");
        }

        CmId id = Of(taken->Id);
        if (_requestAttributes is { } attributes)
        {
            var extended = new IbvQpInitAttrEx { Base = attributes };
            extended.Base.QpType = Pointer->QpType;
            id.CreateQueuePair(&extended, _requestDomain, isExtended: false);
        }

        id.Pointer->Event = taken;
        return id.Pointer;
    }
}
