using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>Middle packets as runs, as the link of a socket takes and hands them on: a damaged one too has left its bytes in its place.</summary>
public sealed unsafe partial class SimulatedLink
{
    private void EmitRun(in Packet run, Route route)
    {
        MemorySegment* pieces = stackalloc MemorySegment[run.SegmentCount];
        var cutter = new RunCutter(run, pieces);
        while (cutter.TryNext(out Packet packet))
            EmitOne(packet, route);
    }

    /// <summary>Takes the run at the head of the inbox; returns its packets. 0: the first is to be handled by itself.</summary>
    private int TakeRun(IPacketReceiver receiver, int packetsMax)
    {
        SimulatedDatagram first = _inbox.Peek();
        if (!MiddleRun.IsMiddle((Opcode)first.Buffer[0]) || HasSeenCongestion(first)
            || !PacketCodec.TryDecode(first.Buffer.AsSpan(0, first.Bytes), out Packet run, out _) || run.PadCount != 0 || run.PayloadBytes == 0)
        {
            return 0;
        }

        MemorySegment* place = stackalloc MemorySegment[MiddleRun.SegmentsMax];
        run.Segments = place;
        run.SegmentCount = MiddleRun.SegmentsMax;
        run.PsnCount = Math.Min(CountRun(first), packetsMax);
        int payloadBytes = run.PayloadBytes;
        run.PayloadBytes *= run.PsnCount;
        if (!receiver.TryFindPlace(ref run, first.Source, Address))
            return 0;

        int taken = 0;
        var writer = new SegmentWriter(place);
        while (taken < run.PsnCount && TryPlace(_inbox.Peek(), ref writer, ref run))
        {
            _network.Recycle(_inbox.Dequeue());
            taken++;
        }
        if (taken == 0)
            return 0;

        MiddleRun.Shorten(ref run, taken, payloadBytes);
        run.TrafficClass = first.Tos;
        run.HopLimit = first.HopLimit;
        receiver.OnPacket(run, first.Source, Address);
        return taken;
    }

    private bool TryPlace(SimulatedDatagram datagram, ref SegmentWriter writer, ref Packet run)
    {
        ReadOnlySpan<byte> bytes = datagram.Buffer.AsSpan(0, datagram.Bytes);
        bool isIntact = IcrcVerifier.TryVerifyAndCopy(
            datagram.Source, datagram.Destination, RoceUdp.Port, bytes, BthView.Length, ref writer, out ushort identification) && identification == 0;
        fixed (byte* bth = datagram.Buffer)
        {
            if (isIntact && MiddleRun.AsksForAcknowledgement(bth))
                run.Flags |= PacketFlags.AcknowledgeRequest;
        }
        return isIntact;
    }

    private int CountRun(SimulatedDatagram first)
    {
        int count = 0;
        fixed (byte* firstBth = first.Buffer)
        {
            foreach (SimulatedDatagram datagram in _inbox)
            {
                fixed (byte* bth = datagram.Buffer)
                {
                    if (datagram.Source != first.Source || datagram.Bytes != first.Bytes || datagram.Tos != first.Tos
                        || datagram.HopLimit != first.HopLimit || !MiddleRun.Continues(firstBth, bth, count))
                    {
                        break;
                    }
                }
                count++;
            }
        }
        return count;
    }

    private static bool HasSeenCongestion(SimulatedDatagram datagram) => (datagram.Tos & 3) == 3;
}
