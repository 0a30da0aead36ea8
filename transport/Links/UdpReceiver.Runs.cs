using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>
/// Middle packets of a large message, which come behind each other in one train: where they are what is expected next, they are verified and
/// put into their place in one pass over their bytes, and handed on as one.
/// </summary>
internal sealed unsafe partial class UdpReceiver
{
    /// <summary>
    /// Takes the run that begins at a datagram; returns how many datagrams are done with. 0: it is to be handled by itself. A datagram that
    /// is not as it should be ends the run in front of it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int TakeRun(byte* first, byte* end, int datagramBytes, in Gid source, ushort sourcePort, IpFields ip, IPacketReceiver receiver) =>
        MiddleRun.IsMiddle((Opcode)(*first)) && end - first >= datagramBytes && !ip.HasSeenCongestion
            ? TakeMiddles(first, (int)((end - first) / datagramBytes), datagramBytes, source, sourcePort, ip, receiver)
            : 0;

    private int TakeMiddles(
        byte* first, int datagrams, int datagramBytes, in Gid source, ushort sourcePort, IpFields ip, IPacketReceiver receiver)
    {
        var head = new ReadOnlySpan<byte>(first, datagramBytes);
        if (!PacketCodec.TryDecode(head, out Packet run, out _) || run.PadCount != 0 || run.PayloadBytes == 0)
            return 0;

        MemorySegment* place = stackalloc MemorySegment[MiddleRun.SegmentsMax];
        run.Segments = place;
        run.SegmentCount = MiddleRun.SegmentsMax;
        run.PsnCount = CountRun(first, datagrams, datagramBytes);
        int payloadBytes = run.PayloadBytes;
        run.PayloadBytes *= run.PsnCount;
        if (!receiver.TryFindPlace(ref run, source, _address))
            return 0;

        var writer = new SegmentWriter(place);
        bool isLost = false;
        int taken = 0;
        for (; taken < run.PsnCount; taken++)
        {
            isLost = _losses.IsLost();
            var datagram = new ReadOnlySpan<byte>(first + taken * datagramBytes, datagramBytes);
            if (isLost || !_icrc.TryVerifyAndCopy(source, _address, sourcePort, datagram, BthView.Length, ref writer, out ushort identification))
                break;
            if (MiddleRun.AsksForAcknowledgement(first + taken * datagramBytes))
                run.Flags |= PacketFlags.AcknowledgeRequest;
            Tap?.OnDatagram(source, _address, sourcePort, ip.TrafficClass, identification, datagram, false, WallClock.NowNs());
        }
        if (isLost)
            _statistics.InjectedLosses++;
        if (taken == 0)
            return isLost ? 1 : 0;

        _statistics.DatagramsReceived += taken;
        _statistics.BytesReceived += taken * datagramBytes;
        MiddleRun.Shorten(ref run, taken, payloadBytes);
        run.TrafficClass = ip.TrafficClass;
        run.HopLimit = ip.HopLimit;
        receiver.OnPacket(run, source, _address);
        return isLost ? taken + 1 : taken;
    }

    /// <summary>How many datagrams have the same BTH but for consecutive PSNs and the wish for an acknowledgement.</summary>
    private static int CountRun(byte* first, int datagrams, int datagramBytes)
    {
        int count = 1;
        while (count < datagrams && MiddleRun.Continues(first, first + count * datagramBytes, count))
            count++;
        return count;
    }
}
