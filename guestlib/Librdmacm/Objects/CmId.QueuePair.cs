using RoceEngine.Libibverbs;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Verbs;

namespace RoceEngine.Librdmacm.Objects;

using Addresses = RoceEngine.Libibverbs.Addresses;

/// <content>The QP of an identifier and its way through the states.</content>
internal sealed unsafe partial class CmId
{
    /// <summary>RDMA_UDP_QKEY.</summary>
    private const uint UdQueueKey = 0x0123_4567;

    // 0.64 ms.
    private const byte MinRnrTimer = 12;

    private volatile QueuePair? _queuePair;

    /// <summary><c>rdma_create_qp(3)</c>: the QP can receive when it returns; one for datagrams can send.</summary>
    /// <exception cref="VerbsException">EINVAL: not bound, of another service, or there is one already.</exception>
    public void CreateQueuePair(IbvQpInitAttrEx* attributes, IbvPd* domain, bool isExtended)
    {
        if (Pointer->Qp != null || attributes->Base.QpType != Pointer->QpType)
        {
            throw new VerbsException(Errno.Invalid, $"rdma_create_qp: QP type {attributes->Base.QpType}, the identifier's is {Pointer->QpType}");
        }

        domain = domain != null ? domain : Pointer->Pd != null ? Pointer->Pd : Device.Domain;
        if (domain == null || !Device.Owns(domain->Context))
        {
            throw new VerbsException(Errno.Invalid, "rdma_create_qp: the protection domain is of another device");
        }

        if (attributes->Base.Srq == null)
        {
            attributes->Base.Srq = Pointer->Srq;
        }

        CreateQueues(&attributes->Base);
        attributes->Pd = domain;
        IbvQp* created = isExtended ? VerbsCalls.CreateQueuePair(Pointer->Verbs, attributes) : VerbsCalls.CreateQueuePair(domain, &attributes->Base);
        if (created == null)
        {
            int errno = System.Runtime.InteropServices.Marshal.GetLastSystemError();
            DestroyQueues();
            throw new VerbsException(errno, "rdma_create_qp: the device made no QP");
        }

        Pointer->Qp = created;
        _queuePair = OpenQueuePair.Of(created).QueuePair;
        Pointer->Pd = domain;
        try
        {
            Move(QueuePairState.Init);
            if (IsDatagram)
            {
                Move(QueuePairState.ReadyToReceive);
                Move(QueuePairState.ReadyToSend);
            }
        }
        catch
        {
            DestroyQueuePair();
            throw;
        }
    }

    /// <summary><c>rdma_destroy_qp(3)</c>.</summary>
    public void DestroyQueuePair()
    {
        if (Pointer->Qp != null)
        {
            _ = VerbsCalls.DestroyQueuePair(Pointer->Qp);
            Pointer->Qp = null;
            _queuePair = null;
            DestroyQueues();
        }
    }

    /// <summary>The attributes that a QP needs for a state, as the connection has them. <c>rdma_init_qp_attr(3)</c>.</summary>
    /// <exception cref="VerbsException">EINVAL: the connection has not come so far.</exception>
    public QueuePairAttributes AttributesFor(QueuePairState state, out QueuePairAttributeMask mask)
    {
        mask = QueuePairAttributeMask.State;
        var attributes = new QueuePairAttributes { State = state, Port = 1 };
        switch (state)
        {
            case QueuePairState.Init:
                mask |= QueuePairAttributeMask.PartitionKeyIndex | QueuePairAttributeMask.Port
                    | (IsDatagram ? QueuePairAttributeMask.QueueKey : QueuePairAttributeMask.AccessFlags);
                attributes.QueueKey = UdQueueKey;
                attributes.Access = AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic;
                break;
            case QueuePairState.ReadyToReceive when !IsDatagram:
                Connect(ref attributes, ref mask);
                break;
            case QueuePairState.ReadyToSend:
                attributes.SendPsn = _connection is { } made ? made.IsActive ? made.Reply?.FirstPsn ?? 0 : made.Request.FirstPsn : _psn;
                mask |= QueuePairAttributeMask.SendPsn;
                if (Pointer->QpType == QueuePairRc)
                {
                    Retry(ref attributes, ref mask);
                }

                break;
        }

        return attributes;
    }

    private void Connect(ref QueuePairAttributes attributes, ref QueuePairAttributeMask mask)
    {
        if (_connection is not { } connection || connection.RemoteQueuePair == 0)
        {
            throw Wrong("rdma_init_qp_attr", State);
        }

        attributes.DestinationAddress = connection.Peer;
        attributes.TrafficClass = _trafficClass != 0 ? _trafficClass : connection.Request.TrafficClass;
        attributes.HopLimit = Addresses.DefaultHopLimit;
        attributes.PathMtuBytes = MtuCode.ToBytes(connection.Request.PathMtuCode);
        attributes.DestinationNumber = connection.RemoteQueuePair;
        attributes.ReceivePsn = _psn;
        mask |= QueuePairAttributeMask.AddressVector | QueuePairAttributeMask.PathMtu | QueuePairAttributeMask.DestinationNumber
            | QueuePairAttributeMask.ReceivePsn;
        if (Pointer->QpType == QueuePairRc)
        {
            byte incoming = connection.IsActive ? Math.Min(connection.Reply!.InitiatorDepth, Device.MaxRdAtomic) : _responderResources;
            attributes.MaxDestinationRdAtomic = incoming;
            attributes.MinRnrTimer = MinRnrTimer;
            mask |= QueuePairAttributeMask.MaxDestinationRdAtomic | QueuePairAttributeMask.MinRnrTimer;
        }
    }

    private void Retry(ref QueuePairAttributes attributes, ref QueuePairAttributeMask mask)
    {
        if (_connection is not { } connection)
        {
            throw Wrong("rdma_init_qp_attr", State);
        }

        attributes.Timeout = _ackTimeoutCode ?? connection.Request.AckTimeout;
        attributes.RetryCount = connection.Request.RetryCount;
        attributes.RnrRetry = connection.IsActive ? connection.Reply?.RnrRetryCount ?? RetriesMax : connection.Request.RnrRetryCount;
        attributes.MaxRdAtomic = connection.IsActive ? Math.Min(connection.Reply?.ResponderResources ?? 0, Device.MaxRdAtomic) : _initiatorDepth;
        mask |= QueuePairAttributeMask.Timeout | QueuePairAttributeMask.RetryCount | QueuePairAttributeMask.RnrRetry | QueuePairAttributeMask.MaxRdAtomic;
    }

    private void Move(QueuePairState state)
    {
        QueuePairAttributes attributes = AttributesFor(state, out QueuePairAttributeMask mask);
        OpenQueuePair.Of(Pointer->Qp).QueuePair.Modify(in attributes, mask);
        Pointer->Qp->State = (int)state;
    }

    private void FailQueuePair()
    {
        OpenQueuePair.Of(Pointer->Qp).QueuePair.ToError();
        Pointer->Qp->State = (int)QueuePairState.Error;
    }

    /// <summary>Completion queues for who names none.</summary>
    private void CreateQueues(IbvQpInitAttr* attributes)
    {
        if (attributes->RecvCq == null)
        {
            Pointer->RecvCqChannel = VerbsCalls.CreateChannel(Pointer->Verbs);
            Pointer->RecvCq = VerbsCalls.CreateQueue(Pointer->Verbs, Math.Max((int)attributes->Cap.MaxRecvWr, 1), Pointer, Pointer->RecvCqChannel);
            attributes->RecvCq = Pointer->RecvCq;
        }

        if (attributes->SendCq == null)
        {
            Pointer->SendCqChannel = VerbsCalls.CreateChannel(Pointer->Verbs);
            Pointer->SendCq = VerbsCalls.CreateQueue(Pointer->Verbs, Math.Max((int)attributes->Cap.MaxSendWr, 1), Pointer, Pointer->SendCqChannel);
            attributes->SendCq = Pointer->SendCq;
        }
    }

    private void DestroyQueues()
    {
        Destroy(ref Pointer->RecvCq, ref Pointer->RecvCqChannel);
        Destroy(ref Pointer->SendCq, ref Pointer->SendCqChannel);
    }

    private static void Destroy(ref IbvCq* queue, ref IbvCompChannel* channel)
    {
        if (queue != null)
        {
            _ = VerbsCalls.DestroyQueue(queue);
            queue = null;
        }

        if (channel != null)
        {
            _ = VerbsCalls.DestroyChannel(channel);
            channel = null;
        }
    }
}
