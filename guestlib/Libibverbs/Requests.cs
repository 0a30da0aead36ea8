using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs;

/// <summary>Work requests and completions between the C interface and the library.</summary>
internal static unsafe class Requests
{
    // IBV_SEND_FENCE, SIGNALED, SOLICITED and INLINE; IBV_SEND_IP_CSUM is of raw packets.
    private const uint KnownFlags = 15;

    /// <summary>Posts one request. False when the queue is full.</summary>
    /// <exception cref="VerbsException">As <see cref="QueuePair.TryPostSend"/>.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryPost(QueuePair queuePair, IbvSendWr* from)
    {
        if (from->Opcode > (uint)SendOpcode.Read || queuePair.IsDatagram)
        {
            return TryPostRare(queuePair, from);
        }

        var request = new SendRequest
        {
            WorkRequestId = from->WrId,
            Opcode = (SendOpcode)from->Opcode,
            Flags = FlagsOf(from),
            Immediate = BinaryPrimitives.ReverseEndianness(from->ImmData),
            RemoteAddress = from->RemoteAddr,
            RemoteKey = from->RdmaRkey,
        };
        return queuePair.TryPostSend(in request, EntriesOf(from->SgList, from->NumSge));
    }

    /// <summary>The entries of a request, which have the library's own layout.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReadOnlySpan<ScatterGatherEntry> EntriesOf(IbvSge* first, int count) =>
        count >= 0 ? new ReadOnlySpan<ScatterGatherEntry>(first, count) : throw new VerbsException(Errno.Invalid, $"{count} scatter/gather entries");

    /// <summary>
    /// What stands in the place of the service level, of which RoCE has none, in the completion of a datagram: what kind of packet it was, IPv4 or IPv6
    /// below UDP. Programs that must tell which form the header of a received datagram has look there. IBTA annex A17, 4.5.1; the encoding is that of
    /// the devices that these programs know.
    /// </summary>
    /// <param name="device">The device's address, to which the datagram came.</param>
    public static byte DatagramLevelOf(IPAddress device)
    {
        const byte belowUdp = 8;
        const byte ipv6 = 1;
        const byte ipv4 = 2;
        return (byte)(belowUdp | (device.AddressFamily == AddressFamily.InterNetwork || device.IsIPv4MappedToIPv6 ? ipv4 : ipv6));
    }

    /// <summary>The service level of a completion.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte LevelOf(in WorkCompletion completion, byte datagramLevel) =>
        (completion.Flags & CompletionFlags.GlobalRouteHeader) != 0 ? datagramLevel : (byte)0;

    /// <summary>A completion as the program wants it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(in WorkCompletion completion, byte datagramLevel, IbvWc* into)
    {
        into->WrId = completion.WorkRequestId;
        into->Status = (int)completion.Status;
        into->Opcode = (int)completion.Opcode;
        into->VendorErr = completion.VendorError;
        into->ByteLen = completion.ByteLength;
        into->ImmData = ImmediateOf(in completion);
        into->QpNum = completion.QueuePairNumber;
        into->SrcQp = completion.SourceQueuePair;
        into->WcFlags = (uint)completion.Flags;
        into->PkeyIndex = 0;
        into->Slid = 0;
        into->Sl = LevelOf(in completion, datagramLevel);
        into->DlidPathBits = 0;
    }

    /// <summary>Immediate data in network byte order, or the invalidated key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ImmediateOf(in WorkCompletion completion) =>
        (completion.Flags & CompletionFlags.WithInvalidate) != 0 ? completion.ImmediateData : BinaryPrimitives.ReverseEndianness(completion.ImmediateData);

    /// <summary>What a bind opens.</summary>
    public static WindowBind BindOf(IbvMwBindInfo* info, uint key) => new()
    {
        Region = info->Mr == null ? null : Objects.Backed.Object<IbvMr, MemoryRegion>(info->Mr),
        Address = info->Addr,
        Length = info->Length,
        Access = (AccessFlags)info->MwAccessFlags,
        Tag = (byte)key,
    };

    /// <summary>The flags of a request that begins in the builder.</summary>
    public static SendFlags FlagsOf(uint flags) =>
        (flags & ~KnownFlags) == 0 ? (SendFlags)flags : throw new VerbsException(Errno.Invalid, $"unknown send flags 0x{flags & ~KnownFlags:x}");

    private static SendFlags FlagsOf(IbvSendWr* from) => FlagsOf(from->SendFlags);

    private static bool TryPostRare(QueuePair queuePair, IbvSendWr* from)
    {
        if (from->Opcode == (uint)SendOpcode.BindWindow)
        {
            WindowBind bind = BindOf(&from->BindInfo, from->BindMwRkey);
            MemoryWindow window = Objects.Backed.Object<IbvMw, MemoryWindow>(from->BindMw);
            return queuePair.TryPostBindWindow(window, in bind, out _, from->WrId, FlagsOf(from));
        }

        var request = new SendRequest
        {
            WorkRequestId = from->WrId,
            Opcode = from->Opcode is <= (uint)SendOpcode.SendWithInvalidate ? (SendOpcode)from->Opcode : (SendOpcode)byte.MaxValue,
            Flags = FlagsOf(from),
            Immediate = from->Opcode is (uint)SendOpcode.SendWithInvalidate or (uint)SendOpcode.LocalInvalidate
                ? from->ImmData
                : BinaryPrimitives.ReverseEndianness(from->ImmData),
        };
        if (queuePair.IsDatagram)
        {
            request.Destination = from->UdAh == null ? null : Objects.Backed.Object<IbvAh, AddressHandle>(from->UdAh);
            request.RemoteQueuePair = from->UdRemoteQpn;
            request.RemoteQueueKey = from->UdRemoteQkey;
        }
        else
        {
            bool isAtomic = request.Opcode is SendOpcode.CompareSwap or SendOpcode.FetchAdd;
            request.RemoteAddress = from->RemoteAddr;
            request.RemoteKey = isAtomic ? from->AtomicRkey : from->RdmaRkey;
            request.CompareAdd = from->AtomicCompareAdd;
            request.Swap = from->AtomicSwap;
        }

        return queuePair.TryPostSend(in request, EntriesOf(from->SgList, from->NumSge));
    }
}
