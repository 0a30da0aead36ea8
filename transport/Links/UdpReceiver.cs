using System.Buffers.Binary;
using System.Runtime.InteropServices;
using RoceEngine.Interop;
using RoceEngine.Wire;
using static RoceEngine.Interop.SocketConstants;

namespace RoceEngine.Links;

/// <summary>
/// Takes datagrams from a socket in batches, cuts what the kernel put together, checks each and hands it on. Nothing that a
/// datagram says is believed before its shape and its ICRC are checked.
/// </summary>
internal sealed unsafe partial class UdpReceiver : IDisposable
{
    private const int BufferBytes = 65_536;
    private const int MessagesMax = 32;

    /// <summary>Large messages are taken in batches small enough to stay in the cache.</summary>
    private const int LargeMessagesMax = 4;

    private const int LargeMessageBytes = 8192;

    /// <summary>A request and its answer to and fro are no longer than this; another message seldom follows at once.</summary>
    private const int LoneMessageBytes = 512;

    private const int NameBytes = 32;

    /// <summary>Train size, traffic class, hop limit and lost datagrams take 24 each.</summary>
    private const int ControlBytes = 96;

    private readonly int _socket;
    private readonly Gid _address;
    private readonly UdpLinkStatistics _statistics;
    private readonly IcrcReceiver _icrc = new();
    private LossGenerator _losses;
    private PacketMemory _memory;
    private MultipleMessageHeader* _messages;
    private int _messagesPerCall = 1;
    private bool _foundOneBefore;

    public UdpReceiver(int socket, in Gid address, UdpLinkOptions options, UdpLinkStatistics statistics)
    {
        _socket = socket;
        _address = address;
        _statistics = statistics;
        _losses = new LossGenerator(options.LossRate, options.LossSeed ^ address.Low);
        AllocateMessages();
    }

    /// <summary>What a message's IP headers say; the same for all datagrams of a train.</summary>
    private struct IpFields
    {
        public byte TrafficClass;
        public byte HopLimit;

        /// <summary>The ECN field says Congestion Experienced.</summary>
        public readonly bool HasSeenCongestion => (TrafficClass & 3) == 3;
    }

    /// <summary>Sees every datagram, malformed ones too.</summary>
    public IPacketTap? Tap { get; set; }

    /// <summary>
    /// Takes what waits, up to about <paramref name="packetsMax"/> datagrams; returns how many it handled. May leave some for the next
    /// call, but returns 0 only for an empty socket.
    /// </summary>
    public int Receive(IPacketReceiver receiver, int packetsMax)
    {
        int handled = 0;
        while (handled < packetsMax)
        {
            int asked = Math.Min(_messagesPerCall, packetsMax - handled);
            int received = asked == 1 ? TakeOne() : Sockets.ReceiveMultiple(_socket, _messages, (uint)asked, MSG_DONTWAIT, null);
            _statistics.ReceiveCalls++;
            if (received <= 0)
            {
                _statistics.ReceiveCallsInVain++;
                if (received < 0)
                    CountFailure(Marshal.GetLastPInvokeError());
                _messagesPerCall = 1;
                _foundOneBefore = false;
                break;
            }

            long bytes = 0;
            for (int i = 0; i < received; i++)
            {
                bytes += _messages[i].Length;
                handled += HandleMessage(ref _messages[i], receiver);
            }
            AdaptBatch(asked, received, bytes);

            // After a lone message the next turn looks: asking at once would mostly cost a call in vain.
            if (received < asked || asked == 1)
                break;
        }
        _memory.Settle(_statistics.BytesReceived);
        return handled;
    }

    public void Dispose()
    {
        _memory.Free();
    }

    /// <summary>Cuts a message into datagrams; returns how many.</summary>
    private int HandleMessage(ref MultipleMessageHeader message, IPacketReceiver receiver)
    {
        Gid source = ReadAddress((byte*)message.Header.Name, out ushort sourcePort);
        int datagramBytes = (int)message.Length;
        var ip = new IpFields { HopLimit = UdpSocket.DefaultHopLimit };
        ReadControl(message.Header, ref datagramBytes, ref ip);
        byte* next = message.Header.Vectors->Base;
        byte* end = next + message.Length;
        bool truncated = (message.Header.Flags & MSG_TRUNC) != 0;
        Prepare(ref message);
        _statistics.MessagesReceived++;
        if (truncated)
        {
            _statistics.Truncated++;
            return 1;
        }

        int count = 0;
        do
        {
            int run = TakeRun(next, end, datagramBytes, source, sourcePort, ip, receiver);
            if (run > 0)
            {
                next += run * datagramBytes;
                count += run;
                continue;
            }
            int bytes = (int)Math.Min(datagramBytes, end - next);
            HandleDatagram(next, bytes, source, sourcePort, ip, receiver);
            next += bytes;
            count++;
        }
        while (next < end);
        return count;
    }

    private void HandleDatagram(byte* bytes, int count, in Gid source, ushort sourcePort, IpFields ip, IPacketReceiver receiver)
    {
        if (_losses.IsLost())
        {
            _statistics.InjectedLosses++;
            return;
        }

        var datagram = new ReadOnlySpan<byte>(bytes, count);
        _statistics.DatagramsReceived++;
        _statistics.BytesReceived += count;
        ushort identification = 0;
        if (PacketCodec.TryDecode(datagram, out Packet packet, out MalformedReason reason)
            && !_icrc.TryVerify(source, _address, sourcePort, datagram, out identification))
        {
            reason = MalformedReason.IcrcMismatch;
        }

        Tap?.OnDatagram(source, _address, sourcePort, ip.TrafficClass, identification, datagram, false, WallClock.NowNs());
        if (reason != MalformedReason.None)
        {
            _statistics.CountMalformed(reason);
            return;
        }

        packet.TrafficClass = ip.TrafficClass;
        packet.HopLimit = ip.HopLimit;
        if (ip.HasSeenCongestion)
            packet.Flags |= PacketFlags.CongestionExperienced;
        var payload = new MemorySegment(bytes + OpcodeTable.For(packet.Opcode).HeaderBytes, packet.PayloadBytes);
        packet.Segments = &payload;
        packet.SegmentCount = packet.PayloadBytes == 0 ? 0 : 1;
        receiver.OnPacket(packet, source, _address);
    }

    /// <summary>Segment size of a train, fields of the IP header, and how many datagrams the socket has lost.</summary>
    private void ReadControl(in MessageHeader header, ref int datagramBytes, ref IpFields ip)
    {
        for (ControlMessageHeader* control = ControlMessages.First(header); control != null; control = ControlMessages.Next(header, control))
        {
            byte* data = ControlMessages.Data(control);
            switch (control->Level, control->Type)
            {
                case (SOL_UDP, UDP_GRO):
                    datagramBytes = Math.Max(*(int*)data, 1);
                    break;
                case (IPPROTO_IP, IP_TOS):
                    ip.TrafficClass = *data;
                    break;
                case (IPPROTO_IPV6, IPV6_TCLASS):
                    ip.TrafficClass = (byte)*(int*)data;
                    break;
                case (IPPROTO_IP, IP_TTL) or (IPPROTO_IPV6, IPV6_HOPLIMIT):
                    ip.HopLimit = (byte)*(int*)data;
                    break;
                case (SOL_SOCKET, SO_RXQ_OVFL):
                    // A running 32-bit total since the socket was opened.
                    _statistics.ReceiveBufferDrops += *(uint*)data - (uint)_statistics.ReceiveBufferDrops;
                    break;
            }
        }
    }

    private Gid ReadAddress(byte* name, out ushort port)
    {
        if (_address.IsIPv4)
        {
            var address = (SockaddrIn*)name;
            port = BinaryPrimitives.ReverseEndianness(address->PortNetworkOrder);
            return Gid.FromIPv4(BinaryPrimitives.ReverseEndianness(address->AddressNetworkOrder));
        }
        var address6 = (SockaddrIn6*)name;
        port = BinaryPrimitives.ReverseEndianness(address6->PortNetworkOrder);
        return Gid.Read(new ReadOnlySpan<byte>(address6->Address, Gid.Length));
    }

    /// <summary>A single message by the cheaper call: recvmmsg looks for a second one, and takes its time for it.</summary>
    private int TakeOne()
    {
        nint bytes = Sockets.ReceiveMessage(_socket, &_messages->Header, MSG_DONTWAIT);
        if (bytes < 0)
            return -1;
        _messages->Length = (uint)bytes;
        return 1;
    }

    /// <summary>
    /// Asks next time for what came, or for twice as much when the socket gave all that it was asked for. A lone small message says nothing: a
    /// second one in a row does.
    /// </summary>
    private void AdaptBatch(int asked, int received, long bytes)
    {
        if (asked == 1 && bytes <= LoneMessageBytes && !_foundOneBefore)
        {
            _foundOneBefore = true;
            return;
        }
        int most = bytes > (long)received * LargeMessageBytes ? LargeMessagesMax : MessagesMax;
        _messagesPerCall = Math.Min(received < asked ? received : asked * 2, most);
    }

    private void CountFailure(int errno)
    {
        if (errno is not (Errno.EAGAIN or Errno.EINTR))
            _statistics.ReceiveErrors++;
    }

    /// <summary>Undoes what the kernel wrote over: lengths and flags.</summary>
    private static void Prepare(ref MultipleMessageHeader message)
    {
        message.Header.NameLength = NameBytes;
        message.Header.ControlLength = ControlBytes;
        message.Header.Flags = 0;
    }

    private void AllocateMessages()
    {
        const int sideBytes = NameBytes + ControlBytes + 64 + 64;
        _memory = new PacketMemory(MessagesMax * (BufferBytes + sideBytes));
        byte* start = _memory.Start;
        new Span<byte>(start + (MessagesMax * BufferBytes), MessagesMax * sideBytes).Clear();
        _messages = (MultipleMessageHeader*)(start + (MessagesMax * BufferBytes));
        byte* side = (byte*)(_messages + MessagesMax);
        for (int i = 0; i < MessagesMax; i++)
        {
            var vector = (IoVector*)side;
            *vector = new IoVector { Base = start + (i * BufferBytes), Length = BufferBytes };
            _messages[i].Header.Vectors = vector;
            _messages[i].Header.VectorCount = 1;
            _messages[i].Header.Name = side + 32;
            _messages[i].Header.Control = side + 32 + NameBytes;
            Prepare(ref _messages[i]);
            side += sideBytes - sizeof(MultipleMessageHeader);
        }
    }
}
