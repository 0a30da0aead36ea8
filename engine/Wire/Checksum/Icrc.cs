using System.Buffers.Binary;

namespace RoceEngine.Wire;

/// <summary>
/// The invariant CRC of a RoCEv2 packet, incrementally over its pieces: <see cref="Begin"/> with the headers,
/// <see cref="Update"/> per piece of payload and for the padding, <see cref="Write"/> at the end. IBTA vol. 1, 7.8.1; annex A17.
/// </summary>
public static class Icrc
{
    /// <summary>Bytes of the ICRC, the last of the UDP payload.</summary>
    public const int Length = 4;

    /// <summary>The register after the eight bytes of ones that stand for the local route header of InfiniBand.</summary>
    internal const uint Seed = 0xDEBB_20E3;

    /// <summary>
    /// The state after the pseudo headers and the packet's own headers.
    /// </summary>
    /// <param name="pseudo">The flow's IP and UDP headers.</param>
    /// <param name="headers">The first bytes of the UDP payload: the BTH at least, all of it but the ICRC at most.</param>
    /// <param name="udpPayloadBytes">Bytes of the whole UDP payload, ICRC included.</param>
    /// <param name="identification">IPv4 identification; not looked at for IPv6.</param>
    public static uint Begin(in IcrcPseudo pseudo, ReadOnlySpan<byte> headers, int udpPayloadBytes, ushort identification = 0) =>
        pseudo.Begin(headers, udpPayloadBytes, identification);

    /// <summary>The state after <paramref name="bytes"/>.</summary>
    public static uint Update(uint state, ReadOnlySpan<byte> bytes) => Crc32.Update(state, bytes);

    /// <summary>The state after <paramref name="source"/>, copied to <paramref name="destination"/> in the same pass.</summary>
    /// <exception cref="ArgumentException">The destination is shorter than the source.</exception>
    public static uint UpdateAndCopy(uint state, ReadOnlySpan<byte> source, Span<byte> destination) =>
        Crc32.UpdateAndCopy(state, source, destination);

    /// <summary>The ICRC as a number, to be stored little-endian.</summary>
    public static uint Finish(uint state) => ~state;

    /// <summary>Stores the ICRC of <paramref name="state"/> in the first four bytes of <paramref name="into"/>.</summary>
    public static void Write(Span<byte> into, uint state) => BinaryPrimitives.WriteUInt32LittleEndian(into, ~state);

    /// <summary>Reads a stored ICRC as the number that <see cref="Finish"/> gives.</summary>
    public static uint Read(ReadOnlySpan<byte> icrc) => BinaryPrimitives.ReadUInt32LittleEndian(icrc);

    /// <summary>
    /// What an IPv4 identification adds: the ICRC with identification <paramref name="identification"/> is the ICRC with
    /// identification 0, exclusive-or this. A sender of a GSO train, whose i-th datagram gets identification i, computes each
    /// ICRC with 0 and adjusts it when the train's order is known.
    /// </summary>
    /// <param name="identification">The identification.</param>
    /// <param name="udpPayloadBytes">Bytes of the datagram's UDP payload, ICRC included: at least 4.</param>
    public static uint ShiftIdentification(ushort identification, int udpPayloadBytes)
    {
        uint bytes = BinaryPrimitives.ReverseEndianness(identification);
        return Crc32Field.Multiply(bytes, IdentificationDistance.Forward(udpPayloadBytes));
    }
}
