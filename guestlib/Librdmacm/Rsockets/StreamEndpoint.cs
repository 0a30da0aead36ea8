using System.Runtime.InteropServices;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Librdmacm.Objects;
using RoceEngine.Rsockets;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Librdmacm.Rsockets;

/// <summary>
/// What a stream has of the device: an identifier's QP with one CQ, memory, and the core that uses them. Not safe for concurrent use.
/// </summary>
internal sealed unsafe class StreamEndpoint : IDisposable
{
    /// <summary>Marks receives; no <see cref="StreamPost.Id"/> has this bit.</summary>
    private const ulong ReceiveId = 1UL << 61;

    /// <summary>The core's entries for the peer go inline, whatever the program asks for.</summary>
    private const int InlineBytesMin = 32;

    private const int CompletionsPerPoll = 32;

    private readonly CmId _id;
    private readonly OpenCompletionChannel _channel;
    private readonly OpenCompletionQueue _queue;
    private readonly RegisteredMemory _send;
    private readonly RegisteredMemory _receive;
    private readonly RegisteredMemory _targets;
    private readonly QueuePair _queuePair;
    private readonly ProtectionDomain _domain;
    private readonly int _inlineBytes;
    private readonly List<IDisposable> _parts = [];
    private readonly WorkCompletion[] _completions = new WorkCompletion[CompletionsPerPoll];

    /// <summary>Makes all of it; the QP can receive then.</summary>
    /// <exception cref="VerbsException">The device has no room for it.</exception>
    public StreamEndpoint(CmId id, StreamOptions wanted, int inlineBytes)
    {
        _id = id;
        var context = OpenContext.Of(id.Pointer->Verbs);
        DeviceAttributes device = context.Rdma.QueryDevice();
        StreamOptions options = wanted with
        {
            SendDepth = Math.Min(wanted.SendDepth, device.MaxWorkRequests), ReceiveDepth = Math.Min(wanted.ReceiveDepth, device.MaxWorkRequests),
        };
        IbvPd* domain = CmDevice.Open().Domain;
        _domain = Backed.Object<IbvPd, ProtectionDomain>(domain);
        _inlineBytes = Math.Clamp(inlineBytes, 0, device.MaxInlineBytes);
        try
        {
            _channel = new OpenCompletionChannel(context);
            _ = Descriptors.SetBlocking(_channel.Pointer->Fd, false);
            _queue = new OpenCompletionQueue(context, options.SendDepth + options.ReceiveDepth, null, _channel);
            CreateQueuePair(domain, options);
            _queuePair = OpenQueuePair.Of(id.Pointer->Qp).QueuePair;
            _parts.Add(_send = new RegisteredMemory(_domain, options.SendMemoryBytes, AccessFlags.LocalWrite));
            _parts.Add(_receive = new RegisteredMemory(_domain, options.ReceiveBytes, AccessFlags.LocalWrite | AccessFlags.RemoteWrite));
            _parts.Add(_targets = new RegisteredMemory(_domain, options.TargetMemoryBytes, AccessFlags.LocalWrite | AccessFlags.RemoteWrite));
            for (int i = 0; i < options.ReceiveDepth; i++)
            {
                _queuePair.PostReceive(ReceiveId, []);
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        Core = new StreamCore(options, new StreamBuffers
        {
            Send = _send.Memory,
            Receive = _receive.Memory,
            ReceiveName = _receive.Name,
            Targets = _targets.Memory,
            TargetsName = _targets.Name,
        });
    }

    public StreamCore Core { get; }

    /// <summary>Posts wait until the peer's QP can receive: it has said so, or sent something.</summary>
    public bool MayPost { get; set; }

    /// <summary>Polls readable when the CQ fired.</summary>
    public int Descriptor => _channel.Pointer->Fd;

    /// <summary>Takes completions and posts what follows from them. True when there were any.</summary>
    public bool Progress()
    {
        bool any = false;
        try
        {
            int count;
            while ((count = _queue.Queue.Poll(_completions)) > 0)
            {
                any = true;
                Take(count);
            }
        }
        catch (Exception e)
        {
            Core.Fail(Libibverbs.Failure.Of(e));
            return true;
        }

        Flush();
        return any;
    }

    /// <summary>Posts what the core has to post.</summary>
    public void Flush()
    {
        if (!MayPost)
        {
            return;
        }

        try
        {
            while (Core.TryTakePost(out StreamPost post))
            {
                Post(in post);
            }
        }
        catch (Exception e)
        {
            Core.Fail(Libibverbs.Failure.Of(e));
        }
    }

    /// <summary>The next completion makes the descriptor readable.</summary>
    public void Arm()
    {
        try
        {
            _queue.Queue.RequestNotification();
        }
        catch (VerbsException e)
        {
            Core.Fail(Libibverbs.Failure.Of(e));
        }
    }

    /// <summary>Takes what made the descriptor readable.</summary>
    public void TakeNotifications()
    {
        while (_channel.Take(out OpenCompletionQueue fired) == 0)
        {
            fired.Notifications.Acknowledge(1);
        }
    }

    /// <summary>Registers a buffer of the program.</summary>
    /// <exception cref="VerbsException">EFAULT: no memory there. EINVAL, ENOMEM.</exception>
    public MemoryRegion Register(byte* address, nuint bytes, bool isForPeer)
    {
        AccessFlags access = AccessFlags.LocalWrite | (isForPeer ? AccessFlags.RemoteWrite : 0);
        GuestMemory memory = Libibverbs.ApplicationMemory.Use(_domain.Context, address, bytes, access);
        return _domain.RegisterMemory(memory, access);
    }

    public void Dispose()
    {
        _id.DestroyQueuePair();
        _parts.ForEach(static part => part.Dispose());
        if (_queue is not null)
        {
            TakeNotifications();
            _queue.Destroy();
        }

        _channel?.Destroy();
    }

    private void CreateQueuePair(IbvPd* domain, StreamOptions options)
    {
        var attributes = new IbvQpInitAttrEx();
        attributes.Base.SendCq = attributes.Base.RecvCq = _queue.Pointer;
        attributes.Base.QpType = _id.Pointer->QpType;
        attributes.Base.SqSigAll = 1;
        attributes.Base.Cap.MaxSendWr = (uint)options.SendDepth;
        attributes.Base.Cap.MaxRecvWr = (uint)options.ReceiveDepth;
        attributes.Base.Cap.MaxSendSge = 1;
        attributes.Base.Cap.MaxRecvSge = 1;
        attributes.Base.Cap.MaxInlineData = (uint)Math.Max(_inlineBytes, InlineBytesMin);
        _id.CreateQueuePair(&attributes, domain, isExtended: false);
    }

    private void Post(in StreamPost post)
    {
        var request = new SendRequest
        {
            WorkRequestId = post.Id,
            Opcode = post.Immediate is null ? SendOpcode.Write : SendOpcode.WriteWithImmediate,
            Immediate = post.Immediate.GetValueOrDefault(),
            RemoteAddress = post.RemoteAddress,
            RemoteKey = post.RemoteKey,
        };
        if (post.Length == 0)
        {
            _queuePair.PostSend(in request, []);
        }
        else if (post.Length <= Math.Max(_inlineBytes, RemoteBuffer.Bytes))
        {
            _queuePair.PostSendInline(in request, _send.Memory.Span.Slice(post.Offset, post.Length));
        }
        else
        {
            _queuePair.PostSend(in request, _send.Entry(post.Offset, post.Length));
        }
    }

    private void Take(int count)
    {
        foreach (ref readonly WorkCompletion completion in _completions.AsSpan(0, count))
        {
            if (completion.WorkRequestId != ReceiveId)
            {
                Core.HandleSent(completion.WorkRequestId);
                if (completion.Status != CompletionStatus.Success)
                {
                    Core.Fail(ErrnoOf(completion.Status));
                }
            }
            else if (completion.Status == CompletionStatus.Success)
            {
                MayPost = true;
                Core.HandleReceived(completion.ImmediateData);
                if (Core.IsConnected)
                {
                    _queuePair.PostReceive(ReceiveId, []);
                }
            }
            else if (completion.Status != CompletionStatus.FlushError)
            {
                Core.Fail(ErrnoOf(completion.Status));
            }
        }
    }

    // A peer that does not answer any more, or whose memory is gone, has gone itself.
    private static int ErrnoOf(CompletionStatus status) => status switch
    {
        CompletionStatus.RetryExceededError or CompletionStatus.RnrRetryExceededError or CompletionStatus.FlushError
            or CompletionStatus.RemoteAccessError or CompletionStatus.RemoteOperationError => Errno.ECONNRESET,
        _ => Errno.EIO,
    };
}
