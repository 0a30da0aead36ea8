using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>Middle packets of one message that came behind each other, and are asked a place for as one: <see cref="IPacketReceiver.TryFindPlace"/>.</summary>
internal static unsafe class MiddleRun
{
    /// <summary>Pieces of memory that a run's payload may lie in: its pages, or as many entries.</summary>
    public const int SegmentsMax = 32;

    /// <summary>The third word of a BTH: what differs between the packets of a run.</summary>
    public const int AcknowledgeAndPsnOffset = 8;

    /// <summary>In that word.</summary>
    public const uint AcknowledgeRequestBit = 1u << 31;

    private const uint PsnMask = Psn.Modulus - 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsMiddle(Opcode opcode) => opcode is Opcode.RcWriteMiddle or Opcode.RcSendMiddle or Opcode.RcReadResponseMiddle;

    /// <summary>True when a BTH is like the first one of a run, but for a PSN so many later and the wish for an acknowledgement.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Continues(byte* firstBth, byte* bth, int index)
    {
        uint first = AcknowledgeAndPsn(firstBth) & ~AcknowledgeRequestBit;
        uint expected = (first & ~PsnMask) | ((first + (uint)index) & PsnMask);
        return Unsafe.ReadUnaligned<ulong>(firstBth) == Unsafe.ReadUnaligned<ulong>(bth)
            && (AcknowledgeAndPsn(bth) & ~AcknowledgeRequestBit) == expected;
    }

    public static bool AsksForAcknowledgement(byte* bth) => (AcknowledgeAndPsn(bth) & AcknowledgeRequestBit) != 0;

    /// <summary>Leaves the first packets of a run whose place was found.</summary>
    public static void Shorten(ref Packet run, int packets, int payloadBytes)
    {
        int missing = packets * payloadBytes;
        run.PsnCount = packets;
        run.PayloadBytes = missing;
        run.SegmentCount = 0;
        while (missing > 0)
        {
            ref MemorySegment segment = ref run.Segments[run.SegmentCount++];
            segment.Bytes = Math.Min(segment.Bytes, missing);
            missing -= segment.Bytes;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint AcknowledgeAndPsn(byte* bth) =>
        BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<uint>(bth + AcknowledgeAndPsnOffset));
}
