using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace RoceEngine.Wire;

/// <summary>Turns header fields into the bytes of a UDP payload and back. Payload and ICRC are the caller's.</summary>
public static class PacketCodec
{
    /// <summary>Traits that add header bytes after the BTH.</summary>
    private const PacketTraits ExtensionTraits = PacketTraits.HasReth | PacketTraits.HasAeth | PacketTraits.HasAtomicEth
        | PacketTraits.HasAtomicAckEth | PacketTraits.HasImmediate | PacketTraits.HasInvalidateKey | PacketTraits.HasDeth | PacketTraits.HasFeth
        | PacketTraits.CongestionNotification;

    /// <summary>Bytes of padding after a payload of that length, 0…3. IBTA vol. 1, 9.2.</summary>
    public static int PadBytes(int payloadBytes) => -payloadBytes & 3;

    /// <summary>Bytes of the whole UDP payload: headers, payload, padding and ICRC.</summary>
    public static int DatagramBytes(in Packet packet) =>
        OpcodeTable.For(packet.Opcode).HeaderBytes + packet.PayloadBytes + PadBytes(packet.PayloadBytes) + Icrc.Length;

    /// <summary>
    /// Writes the BTH and the extension headers of the packet's opcode; returns their length. The pad count follows from
    /// <see cref="Packet.PayloadBytes"/>; <see cref="Packet.PadCount"/> is not looked at. Reserved fields are zero.
    /// </summary>
    /// <exception cref="ArgumentException">The opcode is unknown, or <paramref name="into"/> is shorter than its headers.</exception>
    public static int EncodeHeaders(in Packet packet, Span<byte> into)
    {
        ref readonly OpcodeInfo info = ref OpcodeTable.For(packet.Opcode);
        if (!info.IsKnown || into.Length < info.HeaderBytes)
        {
            ThrowCannotEncode(packet.Opcode, into.Length);
        }

        WriteBth(packet, into);
        PacketTraits extensions = info.Traits & ExtensionTraits;
        return extensions == PacketTraits.HasReth ? WriteReth(packet, into, BthView.Length)
            : extensions == 0 ? BthView.Length
            : WriteExtensions(packet, info.Traits, into);
    }

    /// <summary>
    /// Reads a UDP payload's headers. On success all fields of the opcode are set, <see cref="Packet.PayloadBytes"/> and
    /// <see cref="Packet.PadCount"/> too; the payload starts at the opcode's header length; the segments are left to the caller.
    /// The ICRC, the last four bytes, is not looked at. On failure <paramref name="packet"/> holds what could be read of the BTH.
    /// </summary>
    public static bool TryDecode(ReadOnlySpan<byte> udpPayload, out Packet packet, out MalformedReason reason)
    {
        packet = default;
        if (!BthView.TryBind(udpPayload, out BthView bth))
        {
            reason = MalformedReason.TooShort;
            return false;
        }

        packet.Opcode = bth.Opcode;
        packet.Flags = bth.Flags;
        packet.PadCount = bth.PadCount;
        packet.PartitionKey = bth.PartitionKey;
        packet.DestinationQpn = bth.DestinationQpn;
        packet.Psn = bth.Psn;
        packet.PsnCount = 1;

        ref readonly OpcodeInfo info = ref OpcodeTable.For(bth.Opcode);
        reason = CheckShape(udpPayload.Length, bth, info);
        if (reason != MalformedReason.None)
        {
            return false;
        }

        packet.PayloadBytes = udpPayload.Length - info.HeaderBytes - bth.PadCount - Icrc.Length;
        if ((info.Traits & ExtensionTraits) != 0)
        {
            ReadExtensions(udpPayload[BthView.Length..], info.Traits, ref packet);
        }

        return true;
    }

    private static MalformedReason CheckShape(int udpPayloadBytes, BthView bth, in OpcodeInfo info)
    {
        if (bth.TransportVersion != 0)
        {
            return MalformedReason.BadTransportVersion;
        }

        if (!info.IsKnown)
        {
            return MalformedReason.UnknownOpcode;
        }

        int bodyBytes = udpPayloadBytes - info.HeaderBytes - Icrc.Length;
        if (bodyBytes < 0)
        {
            return MalformedReason.TooShort;
        }

        if ((info.Traits & PacketTraits.HasPayload) == 0)
        {
            return bth.PadCount != 0 ? MalformedReason.PadNotAllowed
                : bodyBytes != 0 ? MalformedReason.PayloadNotAllowed
                : MalformedReason.None;
        }

        return bth.PadCount > bodyBytes ? MalformedReason.PadUnderflow
            : (bodyBytes & 3) != 0 ? MalformedReason.LengthNotMultipleOfFour
            : bodyBytes > RoceUdp.PayloadBytesMax ? MalformedReason.TooLong
            : MalformedReason.None;
    }

    private static void WriteBth(in Packet packet, Span<byte> into)
    {
        int second = PadBytes(packet.PayloadBytes) << BthView.PadShift;
        second |= (packet.Flags & PacketFlags.SolicitedEvent) != 0 ? BthView.SolicitedEventBit : 0;
        second |= (packet.Flags & PacketFlags.MigrationRequest) != 0 ? BthView.MigrationRequestBit : 0;
        uint acknowledge = (packet.Flags & PacketFlags.AcknowledgeRequest) != 0 ? (uint)BthView.AcknowledgeRequestBit << 24 : 0;
        BinaryPrimitives.WriteUInt32BigEndian(into, ((uint)packet.Opcode << 24) | ((uint)second << 16) | packet.PartitionKey);
        BinaryPrimitives.WriteUInt32BigEndian(into[4..], packet.DestinationQpn & 0xFF_FFFF);
        BinaryPrimitives.WriteUInt32BigEndian(into[8..], acknowledge | packet.Psn.Value);
    }

    /// <summary>The extension headers in their order on the wire. IBTA vol. 1, 9.2.1, table 38's column of headers.</summary>
    private static int WriteExtensions(in Packet packet, PacketTraits traits, Span<byte> into)
    {
        int offset = BthView.Length;
        if ((traits & PacketTraits.HasDeth) != 0)
        {
            BinaryPrimitives.WriteUInt32BigEndian(into[offset..], packet.QueueKey);
            BinaryPrimitives.WriteUInt32BigEndian(into[(offset + 4)..], packet.SourceQpn & 0xFF_FFFF);
            offset += DethView.Length;
        }

        if ((traits & PacketTraits.HasFeth) != 0)
        {
            BinaryPrimitives.WriteUInt32BigEndian(into[offset..], packet.FlushOptions);
            offset += FethView.Length;
        }

        if ((traits & PacketTraits.HasReth) != 0)
        {
            offset = WriteReth(packet, into, offset);
        }

        if ((traits & PacketTraits.HasAtomicEth) != 0)
        {
            BinaryPrimitives.WriteUInt64BigEndian(into[offset..], packet.RemoteAddress);
            BinaryPrimitives.WriteUInt32BigEndian(into[(offset + 8)..], packet.RemoteKey);
            BinaryPrimitives.WriteUInt64BigEndian(into[(offset + 12)..], packet.SwapOrAdd);
            BinaryPrimitives.WriteUInt64BigEndian(into[(offset + 20)..], packet.Compare);
            offset += AtomicEthView.Length;
        }

        if ((traits & PacketTraits.HasAtomicMasks) != 0)
        {
            BinaryPrimitives.WriteUInt64BigEndian(into[offset..], packet.CompareMaskOrBoundary);
            BinaryPrimitives.WriteUInt64BigEndian(into[(offset + 8)..], packet.SwapMask);
            offset += AtomicMasksView.Length;
        }

        if ((traits & PacketTraits.HasAeth) != 0)
        {
            uint aeth = ((uint)packet.Syndrome << 24) | (packet.MessageSequenceNumber & 0xFF_FFFF);
            BinaryPrimitives.WriteUInt32BigEndian(into[offset..], aeth);
            offset += AethView.Length;
        }

        if ((traits & PacketTraits.HasAtomicAckEth) != 0)
        {
            BinaryPrimitives.WriteUInt64BigEndian(into[offset..], packet.OriginalValue);
            offset += AtomicAckEthView.Length;
        }

        if ((traits & (PacketTraits.HasImmediate | PacketTraits.HasInvalidateKey)) != 0)
        {
            BinaryPrimitives.WriteUInt32BigEndian(into[offset..], packet.ImmediateOrKey);
            offset += ImmDtView.Length;
        }

        return (traits & PacketTraits.CongestionNotification) != 0 ? WriteCongestionNotification(into) : offset;
    }

    /// <summary>Most packets of small messages have this extension and no other. Returns where it ends.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int WriteReth(in Packet packet, Span<byte> into, int offset)
    {
        Span<byte> reth = into.Slice(offset, RethView.Length);
        BinaryPrimitives.WriteUInt64BigEndian(reth, packet.RemoteAddress);
        BinaryPrimitives.WriteUInt32BigEndian(reth[8..], packet.RemoteKey);
        BinaryPrimitives.WriteUInt32BigEndian(reth[12..], packet.DmaLength);
        return offset + RethView.Length;
    }

    /// <summary>A CNP has BECN set and sixteen reserved bytes, zero. IBTA annex A17.</summary>
    private static int WriteCongestionNotification(Span<byte> into)
    {
        into[BthView.ReservedOffset] = BthView.BackwardCongestionBit;
        into.Slice(BthView.Length, OpcodeTable.CongestionNotificationReservedBytes).Clear();
        return BthView.Length + OpcodeTable.CongestionNotificationReservedBytes;
    }

    /// <summary>The caller has checked the length against the table, so that every view binds.</summary>
    private static void ReadExtensions(ReadOnlySpan<byte> rest, PacketTraits traits, ref Packet packet)
    {
        if ((traits & PacketTraits.HasDeth) != 0 && DethView.TryBind(rest, out DethView deth))
        {
            packet.QueueKey = deth.QueueKey;
            packet.SourceQpn = deth.SourceQpn;
            rest = rest[DethView.Length..];
        }

        if ((traits & PacketTraits.HasFeth) != 0 && FethView.TryBind(rest, out FethView flush))
        {
            packet.FlushOptions = flush.Bits;
            rest = rest[FethView.Length..];
        }

        if ((traits & PacketTraits.HasReth) != 0 && RethView.TryBind(rest, out RethView reth))
        {
            packet.RemoteAddress = reth.VirtualAddress;
            packet.RemoteKey = reth.RemoteKey;
            packet.DmaLength = reth.DmaLength;
            rest = rest[RethView.Length..];
        }

        if ((traits & PacketTraits.HasAtomicEth) != 0 && AtomicEthView.TryBind(rest, out AtomicEthView atomic))
        {
            packet.RemoteAddress = atomic.VirtualAddress;
            packet.RemoteKey = atomic.RemoteKey;
            packet.SwapOrAdd = atomic.SwapOrAdd;
            packet.Compare = atomic.Compare;
            rest = rest[AtomicEthView.Length..];
        }

        if ((traits & PacketTraits.HasAtomicMasks) != 0 && AtomicMasksView.TryBind(rest, out AtomicMasksView masks))
        {
            packet.CompareMaskOrBoundary = masks.CompareMaskOrBoundary;
            packet.SwapMask = masks.SwapMask;
            rest = rest[AtomicMasksView.Length..];
        }

        if ((traits & PacketTraits.HasAeth) != 0 && AethView.TryBind(rest, out AethView aeth))
        {
            packet.Syndrome = aeth.Syndrome.Value;
            packet.MessageSequenceNumber = aeth.MessageSequenceNumber;
            rest = rest[AethView.Length..];
        }

        if ((traits & PacketTraits.HasAtomicAckEth) != 0 && AtomicAckEthView.TryBind(rest, out AtomicAckEthView original))
        {
            packet.OriginalValue = original.OriginalValue;
        }

        if ((traits & PacketTraits.HasImmediate) != 0 && ImmDtView.TryBind(rest, out ImmDtView immediate))
        {
            packet.ImmediateOrKey = immediate.Immediate;
        }

        if ((traits & PacketTraits.HasInvalidateKey) != 0 && IethView.TryBind(rest, out IethView invalidate))
        {
            packet.ImmediateOrKey = invalidate.RemoteKey;
        }
    }

    private static void ThrowCannotEncode(Opcode opcode, int bytes) =>
        throw new ArgumentException($"cannot encode the headers of {OpcodeTable.NameOf(opcode)} into {bytes} bytes");
}
