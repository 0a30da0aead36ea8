using System.Net;
using System.Runtime.InteropServices;
using RoceEngine.Interop;
using static RoceEngine.Interop.NetlinkConstants;

namespace RoceEngine.Addresses;

/// <summary>What the kernel answered to a change.</summary>
/// <param name="Error">0, an error number, or <see cref="NoAnswer"/>.</param>
/// <param name="Detail">The kernel's own words; empty when it said none.</param>
internal readonly record struct RouteAnswer(int Error, string Detail)
{
    public const int NoAnswer = int.MinValue;
}

/// <summary>
/// A conversation with the kernel by rtnetlink(7). It stays with the network namespace that the thread was in when it began. One
/// thread at a time.
/// </summary>
internal sealed unsafe class RouteSocket : IDisposable
{
    /// <summary>The kernel works off a request while it is sent; this is for a machine that hardly gets on.</summary>
    private const int AnswerTimeoutMs = 2_000;

    /// <summary>A dump that a change interrupted is asked for again this often; then it is taken as it is.</summary>
    private const int DumpAttempts = 5;

    /// <summary>The kernel fills at most 32 KiB at a time for a dump.</summary>
    private const int ReceiveBytes = 64 * 1024;

    private readonly int _socket;
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(ReceiveBytes);
    private uint _sequence;

    private RouteSocket(int socket) => _socket = socket;

    /// <summary>Opens one; null with a sentence when there is none to be had.</summary>
    public static RouteSocket? Open(out string? problem)
    {
        int socket = Sockets.Create(AF_NETLINK, SocketConstants.SOCK_RAW | SocketConstants.SOCK_CLOEXEC, NETLINK_ROUTE);
        if (socket < 0)
        {
            problem = $"the kernel cannot be asked about addresses: {Failure.LastError()}";
            return null;
        }
        // Connected to the kernel, so that nobody else's messages come in.
        var kernel = new SockaddrNetlink { Family = AF_NETLINK };
        if (Sockets.Connect(socket, &kernel, (uint)sizeof(SockaddrNetlink)) < 0)
        {
            problem = $"the kernel cannot be asked about addresses: {Failure.LastError()}";
            Events.Close(socket);
            return null;
        }
        // An older kernel without these answers all the same, only with fewer words.
        Sockets.SetOption(socket, SOL_NETLINK, NETLINK_CAP_ACK, 1);
        Sockets.SetOption(socket, SOL_NETLINK, NETLINK_EXT_ACK, 1);
        problem = null;
        return new RouteSocket(socket);
    }

    public void Dispose() => Events.Close(_socket);

    /// <summary>Adds or removes an address and waits for the kernel's word.</summary>
    public RouteAnswer ChangeAddress(bool add, IPAddress address, int prefixLength, int interfaceIndex)
    {
        Span<byte> request = stackalloc byte[RouteMessages.RequestBytesMax];
        int bytes = RouteMessages.WriteAddressChange(request, add, ++_sequence, address, prefixLength, interfaceIndex);
        return Exchange(request[..bytes], 0, [], out _);
    }

    /// <summary>All interfaces; empty with a sentence when they could not be listed.</summary>
    public IReadOnlyList<LinkInfo> ListLinks(out string? problem)
    {
        var links = new List<LinkInfo>();
        Span<byte> request = stackalloc byte[RouteMessages.RequestBytesMax];
        int bytes = RouteMessages.WriteLinkDump(request, 0);
        foreach (byte[] payload in Dump(request[..bytes], RTM_NEWLINK, "interfaces", out problem))
        {
            if (RouteMessages.ReadLink(payload) is { } link)
                links.Add(link);
        }
        return links;
    }

    /// <summary>All addresses; empty with a sentence when they could not be listed.</summary>
    public IReadOnlyList<LocalAddress> ListAddresses(out string? problem)
    {
        var addresses = new List<LocalAddress>();
        Dictionary<int, LinkInfo> links = ListLinks(out problem).ToDictionary(link => link.Index);
        if (problem != null)
            return addresses;
        Span<byte> request = stackalloc byte[RouteMessages.RequestBytesMax];
        int bytes = RouteMessages.WriteAddressDump(request, 0);
        foreach (byte[] payload in Dump(request[..bytes], RTM_NEWADDR, "addresses", out problem))
        {
            if (RouteMessages.ReadAddress(payload, links) is { } address)
                addresses.Add(address);
        }
        return addresses;
    }

    /// <summary>The interface of that name; null with a sentence when there is none.</summary>
    public LinkInfo? FindLink(string name, out string? problem)
    {
        LinkInfo? link = ListLinks(out problem).FirstOrDefault(link => link.Name == name);
        if (link == null)
            problem ??= $"there is no network interface named {name}";
        return link;
    }

    private List<byte[]> Dump(Span<byte> request, ushort answerType, string what, out string? problem)
    {
        var payloads = new List<byte[]>();
        RouteAnswer answer = default;
        for (int attempt = 0; attempt < DumpAttempts; attempt++)
        {
            payloads.Clear();
            MemoryMarshal.AsRef<NetlinkMessageHeader>(request).Sequence = ++_sequence;
            answer = Exchange(request, answerType, payloads, out bool interrupted);
            if (answer.Error != 0 || !interrupted)
                break;
        }
        problem = answer.Error == 0 ? null : $"the kernel did not list the {what} of this machine: {Failure.Describe(answer)}";
        if (problem != null)
            payloads.Clear();
        return payloads;
    }

    /// <summary>Sends a request and collects what answers it, up to the acknowledgement or the end of the dump.</summary>
    private RouteAnswer Exchange(ReadOnlySpan<byte> request, ushort answerType, List<byte[]> payloads, out bool interrupted)
    {
        interrupted = false;
        fixed (byte* bytes = request)
        {
            if (Sockets.SendTo(_socket, bytes, (nuint)request.Length, 0, null, 0) < 0)
                return new RouteAnswer(Marshal.GetLastPInvokeError(), "");
        }
        long deadline = Environment.TickCount64 + AnswerTimeoutMs;
        while (true)
        {
            int received = Receive(deadline);
            if (received < 0)
                return new RouteAnswer(received == RouteAnswer.NoAnswer ? received : -received, "");
            ReadOnlySpan<byte> rest = _buffer.AsSpan(0, received);
            while (RouteMessages.TryTake(ref rest, out NetlinkMessageHeader header, out ReadOnlySpan<byte> payload))
            {
                if (header.Sequence != _sequence)
                    continue;
                interrupted |= (header.Flags & NLM_F_DUMP_INTR) != 0;
                if (header.Type is NLMSG_ERROR or NLMSG_DONE)
                    return ReadVerdict(header, payload);
                if (header.Type == answerType)
                    payloads.Add(payload.ToArray());
            }
        }
    }

    /// <summary>Bytes of the next datagram, minus an error number, or <see cref="RouteAnswer.NoAnswer"/>.</summary>
    private int Receive(long deadlineMs)
    {
        Span<PollDescriptor> polled = [new PollDescriptor { Descriptor = _socket, Events = PollDescriptor.POLLIN }];
        while (true)
        {
            fixed (byte* buffer = _buffer)
            {
                const int flags = SocketConstants.MSG_DONTWAIT | SocketConstants.MSG_TRUNC;
                nint received = Sockets.Receive(_socket, buffer, ReceiveBytes, flags);
                if (received >= 0)
                    return received <= ReceiveBytes ? (int)received : -Errno.EMSGSIZE;
            }
            int error = Marshal.GetLastPInvokeError();
            if (error is not (Errno.EAGAIN or Errno.EINTR))
                return -error;
            long leftMs = deadlineMs - Environment.TickCount64;
            if (leftMs <= 0)
                return RouteAnswer.NoAnswer;
            Events.Wait(polled, leftMs * 1_000_000);
        }
    }

    /// <summary>struct nlmsgerr: the error number, negative; the request's header; attributes. NLMSG_DONE has the number alone.</summary>
    private static RouteAnswer ReadVerdict(in NetlinkMessageHeader header, ReadOnlySpan<byte> payload)
    {
        if (!MemoryMarshal.TryRead(payload, out int negative))
            return new RouteAnswer(header.Type == NLMSG_DONE ? 0 : Errno.EIO, "");
        int attributesAt = sizeof(int) + RouteMessages.HeaderBytes;
        string detail = header.Type == NLMSG_ERROR && (header.Flags & NLM_F_ACK_TLVS) != 0 && payload.Length > attributesAt
            ? RouteMessages.ReadText(RouteMessages.FindAttribute(payload[attributesAt..], NLMSGERR_ATTR_MSG))
            : "";
        return new RouteAnswer(-negative, detail);
    }
}
