using RoceEngine.Interop;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs.Objects;

/// <summary>A completion channel: notifications of its CQs behind a descriptor. <c>ibv_create_comp_channel(3)</c>.</summary>
internal sealed unsafe class OpenCompletionChannel
{
    private readonly EventQueue<OpenCompletionQueue> _events = new();

    public OpenCompletionChannel(OpenContext context)
    {
        Channel = context.Rdma.CreateCompletionChannel();
        Channel.Listener = queue => (queue.Owner as OpenCompletionQueue)?.Notify(_events);
        Pointer = Backed.Allocate<IbvCompChannel, OpenCompletionChannel>(this);
        Pointer->Context = context.Pointer;
        Pointer->Fd = _events.Descriptor;
    }

    public CompletionChannel Channel { get; }

    public IbvCompChannel* Pointer { get; }

    public static OpenCompletionChannel Of(IbvCompChannel* pointer) => Backed.Object<IbvCompChannel, OpenCompletionChannel>(pointer);

    /// <summary>Takes the next notification. Returns 0 or the error number.</summary>
    public int Take(out OpenCompletionQueue queue) => _events.Take(out queue, static taken => taken.Notifications.Deliver());

    /// <summary>A CQ goes.</summary>
    public void Forget(OpenCompletionQueue queue) => _events.Remove(other => other == queue);

    /// <summary>Destroys the channel.</summary>
    /// <exception cref="VerbsException">EBUSY: a CQ still uses it.</exception>
    public void Destroy()
    {
        Channel.Dispose();
        _events.Dispose();
        Backed.Free<IbvCompChannel, OpenCompletionChannel>(Pointer);
    }
}

/// <summary>A completion queue. <c>ibv_create_cq(3)</c>, <c>ibv_create_cq_ex(3)</c>.</summary>
internal sealed unsafe class OpenCompletionQueue
{
    public OpenCompletionQueue(OpenContext context, int entries, void* cqContext, OpenCompletionChannel? channel)
    {
        Context = context;
        Channel = channel;
        Queue = context.Rdma.CreateCompletionQueue(entries, channel?.Channel);
        Pointer = (IbvCq*)Backed.Allocate<IbvCqEx, OpenCompletionQueue>(this);
        Pointer->Context = context.Pointer;
        Pointer->Channel = channel is null ? null : channel.Pointer;
        Pointer->CqContext = cqContext;
        Pointer->Handle = Queue.Handle;
        Pointer->Cqe = Queue.Capacity;
        Queue.Owner = this;
        DatagramLevel = Requests.DatagramLevelOf(context.Rdma.Address);
    }

    public OpenContext Context { get; }

    public OpenCompletionChannel? Channel { get; }

    /// <summary>As <see cref="Requests.DatagramLevelOf"/>, of this device.</summary>
    public byte DatagramLevel { get; }

    public CompletionQueue Queue { get; }

    public IbvCq* Pointer { get; }

    public EventAccount Notifications { get; } = new();

    public EventAccount AsyncEvents { get; } = new();

    /// <summary>The completion that an extended poll stands at.</summary>
    public WorkCompletion Current;

    public static OpenCompletionQueue Of(IbvCq* pointer) => Backed.Object<IbvCqEx, OpenCompletionQueue>((IbvCqEx*)pointer);

    public static OpenCompletionQueue Of(IbvCqEx* pointer) => Backed.Object<IbvCqEx, OpenCompletionQueue>(pointer);

    /// <summary>The CQ fired.</summary>
    public void Notify(EventQueue<OpenCompletionQueue> events) => events.Add(this);

    /// <summary>Destroys the queue once its events are acknowledged.</summary>
    /// <exception cref="VerbsException">EBUSY: a QP still completes here.</exception>
    public void Destroy()
    {
        Queue.Dispose();
        Context.AwaitPump();
        Channel?.Forget(this);
        Notifications.AwaitAcknowledgements();
        Context.ForgetEvents((nint)Pointer, AsyncEvents);
        Backed.Free<IbvCqEx, OpenCompletionQueue>((IbvCqEx*)Pointer);
    }
}

/// <summary>A shared receive queue. <c>ibv_create_srq(3)</c>.</summary>
internal sealed unsafe class OpenSharedReceiveQueue
{
    public OpenSharedReceiveQueue(IbvPd* domain, void* srqContext, SharedReceiveQueueOptions options)
    {
        Context = OpenContext.Of(domain->Context);
        Queue = Backed.Object<IbvPd, ProtectionDomain>(domain).CreateSharedReceiveQueue(options);
        Pointer = Backed.Allocate<IbvSrq, OpenSharedReceiveQueue>(this);
        Pointer->Context = domain->Context;
        Pointer->Pd = domain;
        Pointer->SrqContext = srqContext;
        Pointer->Handle = Queue.Handle;
        Queue.Owner = this;
    }

    public OpenContext Context { get; }

    public SharedReceiveQueue Queue { get; }

    public IbvSrq* Pointer { get; }

    public EventAccount AsyncEvents { get; } = new();

    public static OpenSharedReceiveQueue Of(IbvSrq* pointer) => Backed.Object<IbvSrq, OpenSharedReceiveQueue>(pointer);

    /// <summary>Destroys the queue once its events are acknowledged.</summary>
    /// <exception cref="VerbsException">EBUSY: a QP still takes from it.</exception>
    public void Destroy()
    {
        Queue.Dispose();
        Context.AwaitPump();
        Context.ForgetEvents((nint)Pointer, AsyncEvents);
        Backed.Free<IbvSrq, OpenSharedReceiveQueue>(Pointer);
    }
}

/// <summary>A queue pair. <c>ibv_create_qp(3)</c>, <c>ibv_create_qp_ex(3)</c>.</summary>
internal sealed unsafe class OpenQueuePair
{
    public OpenQueuePair(IbvPd* domain, IbvQpInitAttr* attributes)
    {
        Context = OpenContext.Of(domain->Context);
        QueuePair = Backed.Object<IbvPd, ProtectionDomain>(domain).CreateQueuePair(OptionsOf(attributes));
        Pointer = (IbvQp*)Backed.Allocate<IbvQpEx, OpenQueuePair>(this);
        Pointer->Context = domain->Context;
        Pointer->Pd = domain;
        Pointer->QpContext = attributes->QpContext;
        Pointer->SendCq = attributes->SendCq;
        Pointer->RecvCq = attributes->RecvCq;
        Pointer->Srq = attributes->Srq;
        Pointer->Handle = QueuePair.Handle;
        Pointer->QpNum = QueuePair.Number;
        Pointer->QpType = attributes->QpType;
        OperationTables.Fill((IbvQpEx*)Pointer);
        Builder = new RequestBuilder(QueuePair);
        QueuePair.Owner = this;
    }

    public OpenContext Context { get; }

    public QueuePair QueuePair { get; }

    public IbvQp* Pointer { get; }

    public EventAccount AsyncEvents { get; } = new();

    /// <summary>What the builder calls of <c>ibv_wr_post(3)</c> put together.</summary>
    public RequestBuilder Builder { get; }

    public static OpenQueuePair Of(IbvQp* pointer) => Backed.Object<IbvQpEx, OpenQueuePair>((IbvQpEx*)pointer);

    public static OpenQueuePair Of(IbvQpEx* pointer) => Backed.Object<IbvQpEx, OpenQueuePair>(pointer);

    /// <summary>Destroys the QP once its events are acknowledged.</summary>
    /// <exception cref="VerbsException">EBUSY: it is in a multicast group.</exception>
    public void Destroy()
    {
        QueuePair.Dispose();
        Context.AwaitPump();
        Context.ForgetEvents((nint)Pointer, AsyncEvents);
        Builder.Dispose();
        Backed.Free<IbvQpEx, OpenQueuePair>((IbvQpEx*)Pointer);
    }

    private static QueuePairOptions OptionsOf(IbvQpInitAttr* attributes)
    {
        if (attributes->SendCq == null || attributes->RecvCq == null)
        {
            throw new VerbsException(Verbs.Errno.Invalid, "ibv_create_qp: a completion queue is missing");
        }

        return new QueuePairOptions
        {
            SendCompletionQueue = OpenCompletionQueue.Of(attributes->SendCq).Queue,
            ReceiveCompletionQueue = OpenCompletionQueue.Of(attributes->RecvCq).Queue,
            SharedReceiveQueue = attributes->Srq == null ? null : OpenSharedReceiveQueue.Of(attributes->Srq).Queue,
            SendDepth = (int)Math.Min(attributes->Cap.MaxSendWr, int.MaxValue),
            ReceiveDepth = (int)Math.Min(attributes->Cap.MaxRecvWr, int.MaxValue),
            SendSges = (int)Math.Min(attributes->Cap.MaxSendSge, int.MaxValue),
            ReceiveSges = (int)Math.Min(attributes->Cap.MaxRecvSge, int.MaxValue),
            InlineBytes = (int)Math.Min(attributes->Cap.MaxInlineData, int.MaxValue),
            SignalAll = attributes->SqSigAll != 0,
            Type = attributes->QpType is (int)QueuePairType.Rc or (int)QueuePairType.Uc or (int)QueuePairType.Ud
                ? (QueuePairType)attributes->QpType
                : throw new VerbsException(Verbs.Errno.NotSupported, $"ibv_create_qp: the device has no service {attributes->QpType}"),
        };
    }
}
