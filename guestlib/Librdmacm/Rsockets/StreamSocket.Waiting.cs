using System.Diagnostics;
using RoceEngine.Interop;
using RoceEngine.Rsockets;

namespace RoceEngine.Librdmacm.Rsockets;

/// <summary>What a thread waits for.</summary>
internal enum SocketWish
{
    Connect,
    Receive,
    Send,

    /// <summary>Room to write to a mapped buffer.</summary>
    WriteMapped,

    /// <summary>Everything that was sent has arrived.</summary>
    AllSent,
}

/// <content>Waiting: poll(2) of one socket, and calls that block.</content>
internal sealed unsafe partial class StreamSocket
{
    /// <summary>Descriptors that a thread waits on for one socket.</summary>
    public const int DescriptorsMax = 2;

    /// <summary>
    /// A wait begins with looking for so long: longer than it takes to wake a peer that waits (its engine's thread, the one of its events and the
    /// caller, some 150 µs), or two ends that fell asleep once would wake each other for ever.
    /// </summary>
    public const long LookNs = 300_000;

    /// <summary>After looking for so long the peer may be waiting for this core.</summary>
    private const long LookAloneNs = 50_000;

    private const short Readable = PollDescriptor.POLLIN | 0x40;
    private const short Writable = PollDescriptor.POLLOUT | 0x100;
    private const short Always = PollDescriptor.POLLERR | PollDescriptor.POLLHUP;

    public static long NowNs => (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

    /// <summary>
    /// What of poll(2)'s events is there now. POLLHUP comes when nothing is left to be read: a program that ends on it loses nothing.
    /// </summary>
    public short Poll(short events)
    {
        lock (_lock)
        {
            _ = Advance();
            return (short)(EventsNow() & (events | Always));
        }
    }

    /// <summary>Somebody will wait for the socket. Adds the descriptors to wait on; returns when to look again at the latest.</summary>
    public long BeginWait(Waiter waiter, Span<PollDescriptor> into, ref int count)
    {
        lock (_lock)
        {
            _waiters.Add(waiter);
            if (State == SocketState.Listening)
            {
                into[count++] = new PollDescriptor { Descriptor = _accepted!.Descriptor, Events = PollDescriptor.POLLIN };
            }
            else if (State is SocketState.Connecting or SocketState.Connected)
            {
                into[count++] = new PollDescriptor { Descriptor = Descriptor, Events = PollDescriptor.POLLIN };
            }

            if (State != SocketState.Connected)
            {
                return long.MaxValue;
            }

            into[count++] = new PollDescriptor { Descriptor = _endpoint!.Descriptor, Events = PollDescriptor.POLLIN };
            _endpoint.Arm();
            return LookAfterPeer();
        }
    }

    /// <summary>Nobody waits any more.</summary>
    public void EndWait(Waiter waiter)
    {
        lock (_lock)
        {
            _ = _waiters.Remove(waiter);
            if (State == SocketState.Connected)
            {
                _endpoint!.TakeNotifications();
            }
        }
    }

    /// <summary>Between two looks: false when it is time to sleep.</summary>
    public static bool GoesOnLooking(long startNs, long untilNs)
    {
        long nowNs = NowNs;
        if (nowNs >= untilNs)
        {
            return false;
        }

        if (nowNs - startNs > LookAloneNs)
        {
            _ = Scheduling.Yield();
        }

        return true;
    }

    /// <summary>Waits until a wish has come true or never will, or until a time. False: not until then. Without the lock.</summary>
    private bool Await(SocketWish wish, long deadlineNs = long.MaxValue)
    {
        long startNs = NowNs;
        long lookUntilNs = Math.Min(startNs + LookNs, deadlineNs);
        do
        {
            if (IsMet(wish))
            {
                return true;
            }
        }
        while (GoesOnLooking(startNs, lookUntilNs));

        Waiter waiter = Waiter.Current;
        Span<PollDescriptor> descriptors = stackalloc PollDescriptor[DescriptorsMax + 1];
        do
        {
            int count = 1;
            descriptors[0] = new PollDescriptor { Descriptor = waiter.Descriptor, Events = PollDescriptor.POLLIN };
            long untilNs = Math.Min(BeginWait(waiter, descriptors, ref count), deadlineNs);
            bool met = IsMet(wish);
            if (!met)
            {
                _ = Events.Wait(descriptors[..count], untilNs == long.MaxValue ? -1 : Math.Max(untilNs - NowNs, 0));
            }

            EndWait(waiter);
            waiter.Drain();
            if (met || IsMet(wish))
            {
                return true;
            }
        }
        while (NowNs < deadlineNs);

        return false;
    }

    private bool IsMet(SocketWish wish)
    {
        lock (_lock)
        {
            _ = Advance();
            return State == SocketState.Connected
                ? wish switch
                {
                    SocketWish.Receive => _endpoint!.Core.CanReceive,
                    SocketWish.Send => CanSend(_endpoint!) || !_endpoint!.Core.IsWritable,
                    SocketWish.WriteMapped => (_endpoint!.MayPost && _endpoint.Core.CanWriteMapped) || !_endpoint.Core.IsWritable,
                    SocketWish.AllSent => _endpoint!.Core.IsAllSent || !_endpoint.Core.IsConnected,
                    _ => true,
                }
                : State != SocketState.Connecting;
        }
    }

    // What the peer may not get yet is not taken from the program: nobody might come to post it.
    private static bool CanSend(StreamEndpoint endpoint) => endpoint.MayPost && endpoint.Core.CanSend;

    // poll(2) and tcp(7). A socket that was never connected polls as one of TCP does.
    private short EventsNow()
    {
        switch (State)
        {
            case SocketState.Open:
                return Writable | PollDescriptor.POLLHUP;
            case SocketState.Listening:
                return _accepted!.HasEvents ? Readable : (short)0;
            case SocketState.Connecting:
                return 0;
            case SocketState.Failed:
                return Readable | Writable | PollDescriptor.POLLRDHUP | Always;
            case SocketState.Connected:
                break;
            default:
                return PollDescriptor.POLLNVAL | PollDescriptor.POLLERR;
        }

        StreamCore core = _endpoint!.Core;
        int now = (core.CanReceive ? Readable : 0) | (CanSend(_endpoint) || !core.IsWritable ? Writable : 0);
        now |= core.IsReadable ? 0 : PollDescriptor.POLLRDHUP;
        now |= core.IsReadable || core.IsWritable || core.AvailableBytes != 0 ? 0 : PollDescriptor.POLLHUP;
        return (short)(now | (core.Error != 0 && !_isErrorTaken ? PollDescriptor.POLLERR : 0));
    }

    /// <summary>SO_KEEPALIVE. Returns when to come again.</summary>
    private long LookAfterPeer()
    {
        const long nanosecondsPerSecond = 1_000_000_000;
        if (!_options.KeepAlive)
        {
            return long.MaxValue;
        }

        long nextNs = _endpoint!.Core.HandleTime(NowNs, _options.KeepAliveSeconds * nanosecondsPerSecond);
        _endpoint.Flush();
        return nextNs;
    }
}
