using System.Buffers.Binary;
using RoceEngine.Interop;
using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>Middle packets of a message that were emitted as one: their headers differ in the PSN, and in the last one's wish for an acknowledgement.</summary>
internal sealed unsafe partial class UdpTransmitter
{
    /// <summary>As many as the train that they would join has room for, so that a turn that ends after them ends with a full one.</summary>
    public int RunPackets(Route route, int payloadBytes)
    {
        int most = Math.Min(RunPacketsMax, RoceUdp.MiddlesPerTrain(payloadBytes));
        if (route.LinkState is not UdpDestination destination || destination.Owner != this || destination.Batch != _batch)
            return most;

        ref Train train = ref _trains[destination.OpenTrain];
        int datagramBytes = RoceUdp.MiddleBytes(payloadBytes);
        if (!HasRoomFor(datagramBytes, train))
            return most;

        // A shorter one is a train's last.
        return datagramBytes < train.DatagramBytes
            ? 1
            : Math.Min(most, Math.Min(RoceUdp.TrainDatagramsMax - train.Datagrams, (RoceUdp.TrainBytesMax - train.TotalBytes) / datagramBytes));
    }

    private void EmitRun(in Packet run, Route route, UdpDestination destination)
    {
        int payloadBytes = run.PayloadBytes / run.PsnCount;
        int datagramBytes = RoceUdp.MiddleBytes(payloadBytes);
        if (payloadBytes > RoceUdp.PayloadBytesMax)
        {
            CountDrop(run.PsnCount, Errno.EMSGSIZE);
            return;
        }
        if (payloadBytes > _copyBytesMax || run.SegmentCount > GatherSegmentsMax)
        {
            EmitCut(run, route, destination);
            return;
        }

        Span<byte> first = stackalloc byte[BthView.Length];
        PacketCodec.EncodeHeaders(run, first);
        uint flags = run.Flags.HasFlag(PacketFlags.AcknowledgeRequest) ? MiddleRun.AcknowledgeRequestBit : 0;
        var payload = new SegmentReader(run.Segments);
        for (int i = 0; i < run.PsnCount; i++)
        {
            ref Train train = ref TrainFor(destination, datagramBytes);
            ushort identification = GsoActive ? (ushort)train.Datagrams : (ushort)0;
            byte* header = train.Arena + train.ArenaUsed;
            var headers = new Span<byte>(header, BthView.Length);
            first.CopyTo(headers);
            uint acknowledge = i == run.PsnCount - 1 ? flags : 0;
            BinaryPrimitives.WriteUInt32BigEndian(headers[MiddleRun.AcknowledgeAndPsnOffset..], acknowledge | (run.Psn + i).Value);
            uint state = Icrc.Begin(destination.Pseudo, headers, datagramBytes, identification);
            state = payload.CopyTo(header + BthView.Length, payloadBytes, state);
            Icrc.Write(new Span<byte>(header + BthView.Length + payloadBytes, Icrc.Length), state);
            AddVector(ref train, header, datagramBytes);
            Grow(ref train, route, identification, datagramBytes, datagramBytes);
        }
    }

    /// <summary>The packets one by one.</summary>
    private void EmitCut(in Packet run, Route route, UdpDestination destination)
    {
        MemorySegment* pieces = stackalloc MemorySegment[run.SegmentCount];
        var cutter = new RunCutter(run, pieces);
        while (cutter.TryNext(out Packet packet))
            EmitOne(packet, route, destination);
    }

    /// <summary>Reads payload from front to back.</summary>
    private ref struct SegmentReader(MemorySegment* segments)
    {
        private MemorySegment* _segment = segments;
        private int _offset;

        /// <summary>Copies the next bytes; returns the ICRC's state after them.</summary>
        public uint CopyTo(byte* target, int bytes, uint state)
        {
            while (bytes > 0)
            {
                int piece = Math.Min(bytes, _segment->Bytes - _offset);
                state = Icrc.UpdateAndCopy(state, new ReadOnlySpan<byte>(_segment->Address + _offset, piece), new Span<byte>(target, piece));
                target += piece;
                bytes -= piece;
                _offset += piece;
                if (_offset == _segment->Bytes)
                {
                    _segment++;
                    _offset = 0;
                }
            }
            return state;
        }
    }
}
