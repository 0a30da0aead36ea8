using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>
/// Cuts a run of the local link (<see cref="Packet.PsnCount"/> above 1) into the packets that would have travelled on the wire.
/// </summary>
internal unsafe struct RunCutter
{
    private readonly Packet _run;
    private readonly MemorySegment* _pieceSegments;
    private readonly int _pieceCount;
    private readonly int _pieceBytes;
    private int _index;
    private int _segment;
    private int _offset;

    /// <param name="run">The packet as it travels on the local link.</param>
    /// <param name="pieceSegments">Room for the segments of one piece: as many as the run has suffice.</param>
    public RunCutter(in Packet run, MemorySegment* pieceSegments)
    {
        _run = run;
        _pieceSegments = pieceSegments;
        _pieceCount = IsCut(run) ? run.PsnCount : 1;
        _pieceBytes = _pieceCount == 1 ? run.PayloadBytes : PathMtuOf(run);
    }

    /// <summary>
    /// The next packet; false after the last. Its segments are those given to the constructor, valid until the next call.
    /// </summary>
    public bool TryNext(out Packet piece)
    {
        piece = _run;
        if (_index == _pieceCount)
            return false;

        bool first = _index == 0;
        bool last = _index == _pieceCount - 1;
        piece.Psn = _run.Psn + _index;
        piece.PsnCount = 1;
        piece.Opcode = OpcodeOfPiece(_run.Opcode, first, last);
        if (!last)
            piece.Flags &= ~(PacketFlags.SolicitedEvent | PacketFlags.AcknowledgeRequest);
        piece.PayloadBytes = last ? _run.PayloadBytes - _index * _pieceBytes : _pieceBytes;
        piece.SegmentCount = TakeSegments(piece.PayloadBytes);
        piece.Segments = _pieceSegments;
        _index++;
        return true;
    }

    // A READ request takes the PSNs of its responses and yet is one packet.
    private static bool IsCut(in Packet run) =>
        run.PsnCount > 1 && run.PayloadBytes > 0 && (OpcodeTable.For(run.Opcode).Traits & PacketTraits.HasPayload) != 0;

    /// <summary>With n of at least 2 packets, only one power of two cuts the payload into n.</summary>
    private static int PathMtuOf(in Packet run)
    {
        int pathMtuBytes = 256;
        while ((run.PayloadBytes + pathMtuBytes - 1) / pathMtuBytes > run.PsnCount)
            pathMtuBytes *= 2;
        return pathMtuBytes;
    }

    private int TakeSegments(int bytes)
    {
        int count = 0;
        while (bytes > 0)
        {
            ref MemorySegment from = ref _run.Segments[_segment];
            int taken = Math.Min(bytes, from.Bytes - _offset);
            if (taken > 0)
                _pieceSegments[count++] = new MemorySegment(from.Address + _offset, taken);
            bytes -= taken;
            _offset += taken;
            if (_offset == from.Bytes)
            {
                _segment++;
                _offset = 0;
            }
        }
        return count;
    }

    private static Opcode OpcodeOfPiece(Opcode run, bool first, bool last)
    {
        if (first && last)
            return run;
        PacketTraits traits = OpcodeTable.For(run).Traits;
        if (first && (traits & (PacketTraits.First | PacketTraits.Only)) != 0)
            return FirstOf(run);
        if (last && (traits & (PacketTraits.Last | PacketTraits.Only)) != 0)
            return LastOf(run);
        return FirstOf(run) + 1;
    }

    /// <summary>The *First opcode of a message's family; its *Middle is the next number.</summary>
    private static Opcode FirstOf(Opcode run) => run switch
    {
        >= Opcode.RcReadResponseFirst and <= Opcode.RcReadResponseOnly => Opcode.RcReadResponseFirst,
        Opcode.RcSendLastInvalidate or Opcode.RcSendOnlyInvalidate => Opcode.RcSendFirst,
        >= Opcode.RcWriteFirst and <= Opcode.RcWriteOnlyImmediate => Opcode.RcWriteFirst,
        >= Opcode.UcSendFirst and <= Opcode.UcSendOnlyImmediate => Opcode.UcSendFirst,
        >= Opcode.UcWriteFirst and <= Opcode.UcWriteOnlyImmediate => Opcode.UcWriteFirst,
        _ => Opcode.RcSendFirst,
    };

    private static Opcode LastOf(Opcode run) => run switch
    {
        Opcode.RcSendOnlyInvalidate => Opcode.RcSendLastInvalidate,
        Opcode.RcReadResponseOnly => Opcode.RcReadResponseLast,
        Opcode.RcSendOnly or Opcode.RcSendOnlyImmediate or Opcode.RcWriteOnly or Opcode.RcWriteOnlyImmediate
            or Opcode.UcSendOnly or Opcode.UcSendOnlyImmediate or Opcode.UcWriteOnly or Opcode.UcWriteOnlyImmediate => run - 2,
        _ => run,
    };
}
