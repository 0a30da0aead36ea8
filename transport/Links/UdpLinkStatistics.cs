using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>
/// Counters of a <see cref="UdpLink"/>, since it was opened. The worker writes them; other threads may read them at any time, each
/// counter by itself.
/// </summary>
public sealed class UdpLinkStatistics
{
    private readonly long[] _malformed = new long[Enum.GetValues<MalformedReason>().Length];

    /// <summary>Datagrams given to the kernel.</summary>
    public long DatagramsSent { get; internal set; }

    /// <summary>UDP payload bytes given to the kernel.</summary>
    public long BytesSent { get; internal set; }

    /// <summary>Messages given to the kernel: trains of datagrams, and single datagrams.</summary>
    public long MessagesSent { get; internal set; }

    /// <summary>System calls that sent something.</summary>
    public long SendCalls { get; internal set; }

    /// <summary>Datagrams dropped since the socket's send buffer or the device queue stayed full (EAGAIN, ENOBUFS, ENOMEM).</summary>
    public long DroppedNoBuffer { get; internal set; }

    /// <summary>Datagrams dropped since they exceed the path's MTU (EMSGSIZE): the path MTU of the QP is too large.</summary>
    public long DroppedTooLong { get; internal set; }

    /// <summary>Datagrams dropped since there is no way to the destination (ENETUNREACH, EHOSTUNREACH, ENETDOWN, EADDRNOTAVAIL).</summary>
    public long DroppedUnreachable { get; internal set; }

    /// <summary>Datagrams dropped since a firewall rule or a policy forbids them (EPERM, EACCES).</summary>
    public long DroppedNotPermitted { get; internal set; }

    /// <summary>Datagrams dropped for any other error, or because the packet's address family is not the link's.</summary>
    public long DroppedOther { get; internal set; }

    /// <summary>The error number of the last drop, 0 when there was none.</summary>
    public int LastSendErrno { get; internal set; }

    /// <summary>Datagrams received, malformed ones included.</summary>
    public long DatagramsReceived { get; internal set; }

    /// <summary>UDP payload bytes received.</summary>
    public long BytesReceived { get; internal set; }

    /// <summary>Messages received: a message is a train of datagrams that the kernel put together, or a single datagram.</summary>
    public long MessagesReceived { get; internal set; }

    /// <summary>System calls that asked for datagrams, those in vain included.</summary>
    public long ReceiveCalls { get; internal set; }

    /// <summary>Those of <see cref="ReceiveCalls"/> that brought nothing: a worker that waits looks at its socket again and again.</summary>
    public long ReceiveCallsInVain { get; internal set; }

    /// <summary>Datagrams that the kernel dropped since the socket's receive buffer was full, as far as it said so.</summary>
    public long ReceiveBufferDrops { get; internal set; }

    /// <summary>Datagrams longer than any RoCEv2 packet, cut off by the kernel.</summary>
    public long Truncated { get; internal set; }

    /// <summary>Datagrams dropped on purpose, not counted as received: see <see cref="UdpLinkOptions.LossRate"/>.</summary>
    public long InjectedLosses { get; internal set; }

    /// <summary>Calls of recvmmsg that failed for another reason than an empty socket.</summary>
    public long ReceiveErrors { get; internal set; }

    /// <summary>Received datagrams dropped for that reason.</summary>
    public long Malformed(MalformedReason reason) => _malformed[(int)reason];

    /// <summary>Received datagrams dropped for any reason.</summary>
    public long MalformedTotal
    {
        get
        {
            long total = 0;
            foreach (long count in _malformed)
                total += count;
            return total;
        }
    }

    /// <summary>Datagrams not sent, for any reason.</summary>
    public long DroppedTotal => DroppedNoBuffer + DroppedTooLong + DroppedUnreachable + DroppedNotPermitted + DroppedOther;

    internal void CountMalformed(MalformedReason reason) => _malformed[(int)reason]++;
}
