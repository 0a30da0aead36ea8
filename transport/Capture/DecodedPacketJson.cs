using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using RoceEngine.Wire;

namespace RoceEngine.Capture;

/// <summary>Decoded packets as JSON, one object a line. Numbers are numbers, but 64-bit values are hexadecimal strings.</summary>
public static class DecodedPacketJson
{
    /// <summary>
    /// One object without line breaks: <c>number</c>, <c>time</c> (seconds since the Unix epoch with nine decimals, a string),
    /// <c>source</c>, <c>destination</c>, <c>source_port</c>, <c>tos</c>, <c>malformed</c> (the reason, or null); with a BTH
    /// <c>opcode</c>, <c>opcode_value</c>, <c>qpn</c>, <c>psn</c>, <c>pkey</c>, <c>pad</c> and <c>flags</c>; when well formed also
    /// <c>payload_bytes</c>, an object per extension header, and <c>icrc</c>.
    /// </summary>
    public static string Format(DecodedPacket packet)
    {
        ArgumentNullException.ThrowIfNull(packet);
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            WriteAddresses(json, packet);
            if (packet.HasBth)
            {
                WriteBth(json, packet);
            }

            if (packet.IsWellFormed)
            {
                json.WriteNumber("payload_bytes", packet.Header.PayloadBytes);
                WriteExtensions(json, packet.Header, packet.Opcode);
                WriteIcrc(json, packet);
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteAddresses(Utf8JsonWriter json, DecodedPacket packet)
    {
        json.WriteNumber("number", packet.Number);
        if (packet.TrainIndex is { } index)
        {
            json.WriteNumber("train_index", index);
        }

        json.WriteString("time", (packet.TimestampNs / 1_000_000_000m).ToString("f9", CultureInfo.InvariantCulture));
        json.WriteString("source", packet.Source.ToString());
        json.WriteString("destination", packet.Destination.ToString());
        json.WriteNumber("source_port", packet.SourcePort);
        json.WriteNumber("tos", packet.Tos);
        json.WriteNumber("udp_payload_bytes", packet.UdpPayloadBytes);
        if (packet.IpIdentification is { } identification)
        {
            json.WriteNumber("ip_identification", identification);
        }

        json.WriteString("malformed", packet.ProblemName);
    }

    private static void WriteBth(Utf8JsonWriter json, DecodedPacket packet)
    {
        Packet header = packet.Header;
        json.WriteString("opcode", packet.OpcodeName);
        json.WriteNumber("opcode_value", (byte)header.Opcode);
        json.WriteNumber("qpn", header.DestinationQpn);
        json.WriteNumber("psn", header.Psn.Value);
        json.WriteNumber("pkey", header.PartitionKey);
        json.WriteNumber("pad", header.PadCount);
        json.WriteStartObject("flags");
        json.WriteBoolean("solicited_event", (header.Flags & PacketFlags.SolicitedEvent) != 0);
        json.WriteBoolean("migration_request", (header.Flags & PacketFlags.MigrationRequest) != 0);
        json.WriteBoolean("acknowledge_request", (header.Flags & PacketFlags.AcknowledgeRequest) != 0);
        json.WriteEndObject();
    }

    private static void WriteExtensions(Utf8JsonWriter json, in Packet header, in OpcodeInfo opcode)
    {
        if (opcode.HasAny(PacketTraits.HasDeth))
        {
            json.WriteStartObject("deth");
            json.WriteNumber("qkey", header.QueueKey);
            json.WriteNumber("source_qpn", header.SourceQpn);
            json.WriteEndObject();
        }

        if (opcode.HasAny(PacketTraits.HasFeth))
        {
            WriteFeth(json, header.FlushOptions);
        }

        if (opcode.HasAny(PacketTraits.HasReth))
        {
            json.WriteStartObject("reth");
            WriteHex(json, "va", header.RemoteAddress);
            json.WriteNumber("rkey", header.RemoteKey);
            json.WriteNumber("length", header.DmaLength);
            json.WriteEndObject();
        }

        if (opcode.HasAny(PacketTraits.HasAtomicEth))
        {
            json.WriteStartObject("atomiceth");
            WriteHex(json, "va", header.RemoteAddress);
            json.WriteNumber("rkey", header.RemoteKey);
            WriteHex(json, "swap_or_add", header.SwapOrAdd);
            WriteHex(json, "compare", header.Compare);
            json.WriteEndObject();
        }

        if (opcode.HasAny(PacketTraits.HasAtomicMasks))
        {
            json.WriteStartObject("atomicmasks");
            WriteHex(json, "compare_mask_or_boundary", header.CompareMaskOrBoundary);
            WriteHex(json, "swap_mask", header.SwapMask);
            json.WriteEndObject();
        }

        if (opcode.HasAny(PacketTraits.HasAeth))
        {
            WriteAeth(json, new AethSyndrome(header.Syndrome), header.MessageSequenceNumber);
        }

        if (opcode.HasAny(PacketTraits.HasAtomicAckEth))
        {
            json.WriteStartObject("atomicacketh");
            WriteHex(json, "original", header.OriginalValue);
            json.WriteEndObject();
        }

        if (opcode.HasAny(PacketTraits.HasImmediate))
        {
            json.WriteNumber("immediate", header.ImmediateOrKey);
        }

        if (opcode.HasAny(PacketTraits.HasInvalidateKey))
        {
            json.WriteNumber("invalidate_rkey", header.ImmediateOrKey);
        }
    }

    private static void WriteFeth(Utf8JsonWriter json, uint options)
    {
        json.WriteStartObject("feth");
        json.WriteBoolean("global", (options & FethView.GlobalBit) != 0);
        json.WriteBoolean("persistent", (options & FethView.PersistentBit) != 0);
        json.WriteBoolean("whole_region", (options & FethView.SelectivityMask) == FethView.WholeRegionBit);
        json.WriteNumber("bits", options);
        json.WriteEndObject();
    }

    private static void WriteAeth(Utf8JsonWriter json, AethSyndrome syndrome, uint messageSequenceNumber)
    {
        json.WriteStartObject("aeth");
        json.WriteNumber("syndrome", syndrome.Value);
        json.WriteString("meaning", syndrome.ToString());
        json.WriteNumber("msn", messageSequenceNumber);
        json.WriteEndObject();
    }

    private static void WriteIcrc(Utf8JsonWriter json, DecodedPacket packet)
    {
        json.WriteStartObject("icrc");
        json.WriteString("packet", DecodedPacketText.VerdictName(packet.PacketIcrc));
        json.WriteString("payload", DecodedPacketText.VerdictName(packet.PayloadIcrc));
        if (packet.RecoveredIdentification is { } identification)
        {
            json.WriteNumber("identification", identification);
        }
        else
        {
            json.WriteNull("identification");
        }

        json.WriteEndObject();
    }

    private static void WriteHex(Utf8JsonWriter json, string name, ulong value) =>
        json.WriteString(name, string.Create(CultureInfo.InvariantCulture, $"0x{value:x16}"));
}
