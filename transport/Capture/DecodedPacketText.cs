using System.Globalization;
using System.Text;
using RoceEngine.Wire;

namespace RoceEngine.Capture;

/// <summary>Decoded packets as lines for people.</summary>
public static class DecodedPacketText
{
    /// <summary>
    /// One line: number, time, addresses, opcode, QPN, PSN, lengths, flags, extension headers, and the two ICRC verdicts.
    /// </summary>
    /// <param name="packet">The packet.</param>
    /// <param name="startNs">The time that the line's time counts from, nanoseconds since the Unix epoch.</param>
    public static string Format(DecodedPacket packet, long startNs)
    {
        ArgumentNullException.ThrowIfNull(packet);
        var line = new StringBuilder();
        decimal seconds = ((decimal)packet.TimestampNs - startNs) / 1_000_000_000m;
        line.Append(
            CultureInfo.InvariantCulture,
            $"{packet.Number,6} {seconds,14:f9} {packet.Source} -> {packet.Destination} ");
        if (packet.TrainIndex is { } index)
        {
            line.Append(CultureInfo.InvariantCulture, $"train[{index}] ");
        }

        if (packet.HasBth)
        {
            AppendBth(line, packet);
        }

        if (packet.IsWellFormed)
        {
            AppendExtensions(line, packet);
            AppendIcrc(line, packet);
        }
        else
        {
            line.Append(CultureInfo.InvariantCulture, $"MALFORMED {packet.ProblemName} ({packet.UdpPayloadBytes} bytes of UDP payload)");
        }

        return line.ToString();
    }

    /// <summary>The last line: what the capture amounted to.</summary>
    public static string Format(DecodeSummary summary)
    {
        ArgumentNullException.ThrowIfNull(summary);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{summary.FrameCount} frames: {summary.RoceCount} RoCEv2 ({summary.MalformedCount} malformed, "
            + $"{summary.IcrcMismatchCount} with a wrong ICRC), {summary.OtherCount} other");
    }

    private static void AppendBth(StringBuilder line, DecodedPacket packet)
    {
        Packet header = packet.Header;
        line.Append(
            CultureInfo.InvariantCulture,
            $"{packet.OpcodeName} qpn=0x{header.DestinationQpn:x6} psn={header.Psn} ");
        if (packet.IsWellFormed)
        {
            line.Append(CultureInfo.InvariantCulture, $"payload={header.PayloadBytes} ");
        }

        line.Append(
            CultureInfo.InvariantCulture,
            $"pad={header.PadCount} flags={FlagNames(header.Flags)} pkey=0x{header.PartitionKey:x4} ");
    }

    private static void AppendExtensions(StringBuilder line, DecodedPacket packet)
    {
        Packet header = packet.Header;
        OpcodeInfo opcode = packet.Opcode;
        CultureInfo culture = CultureInfo.InvariantCulture;
        if (opcode.HasAny(PacketTraits.HasDeth))
        {
            line.Append(culture, $"deth[qkey=0x{header.QueueKey:x8} srcqp=0x{header.SourceQpn:x6}] ");
        }

        if (opcode.HasAny(PacketTraits.HasFeth))
        {
            line.Append(culture, $"feth[{FlushNames(header.FlushOptions)}] ");
        }

        if (opcode.HasAny(PacketTraits.HasReth))
        {
            line.Append(culture, $"reth[va=0x{header.RemoteAddress:x16} rkey=0x{header.RemoteKey:x8} length={header.DmaLength}] ");
        }

        if (opcode.HasAny(PacketTraits.HasAtomicEth))
        {
            line.Append(
                culture,
                $"atomiceth[va=0x{header.RemoteAddress:x16} rkey=0x{header.RemoteKey:x8} "
                + $"swap_or_add=0x{header.SwapOrAdd:x16} compare=0x{header.Compare:x16}] ");
        }

        if (opcode.HasAny(PacketTraits.HasAtomicMasks))
        {
            line.Append(
                culture,
                $"atomicmasks[compare_or_boundary=0x{header.CompareMaskOrBoundary:x16} swap=0x{header.SwapMask:x16}] ");
        }

        if (opcode.HasAny(PacketTraits.HasAeth))
        {
            line.Append(culture, $"aeth[{new AethSyndrome(header.Syndrome)} msn={header.MessageSequenceNumber}] ");
        }

        if (opcode.HasAny(PacketTraits.HasAtomicAckEth))
        {
            line.Append(culture, $"atomicacketh[original=0x{header.OriginalValue:x16}] ");
        }

        if (opcode.HasAny(PacketTraits.HasImmediate))
        {
            line.Append(culture, $"immdt[0x{header.ImmediateOrKey:x8}] ");
        }

        if (opcode.HasAny(PacketTraits.HasInvalidateKey))
        {
            line.Append(culture, $"ieth[rkey=0x{header.ImmediateOrKey:x8}] ");
        }
    }

    private static void AppendIcrc(StringBuilder line, DecodedPacket packet)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        line.Append(culture, $"icrc packet={VerdictName(packet.PacketIcrc)} payload={VerdictName(packet.PayloadIcrc)}");
        if (packet.RecoveredIdentification is { } identification)
        {
            line.Append(culture, $" identification=0x{identification:x4}");
        }
    }

    internal static string VerdictName(IcrcVerdict verdict) => verdict switch
    {
        IcrcVerdict.Match => "ok",
        IcrcVerdict.Mismatch => "bad",
        _ => "unchecked",
    };

    private static string FlushNames(uint options)
    {
        string placement = (options & FethView.PlacementMask) switch
        {
            FethView.GlobalBit => "global",
            FethView.PersistentBit => "persistent",
            FethView.GlobalBit | FethView.PersistentBit => "global,persistent",
            uint other => $"placement=0x{other:x}",
        };
        string selectivity = (options & FethView.SelectivityMask) switch
        {
            0 => "range",
            FethView.WholeRegionBit => "region",
            uint other => $"selectivity=0x{other:x}",
        };
        return $"{placement} {selectivity}";
    }

    internal static string FlagNames(PacketFlags flags)
    {
        string names = string.Join(
            ',',
            new[]
            {
                (flags & PacketFlags.SolicitedEvent) != 0 ? "SE" : null,
                (flags & PacketFlags.MigrationRequest) != 0 ? "M" : null,
                (flags & PacketFlags.AcknowledgeRequest) != 0 ? "AckReq" : null,
            }.Where(name => name != null));
        return names.Length == 0 ? "-" : names;
    }
}
