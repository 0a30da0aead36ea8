using RoceEngine.Wire;

namespace RoceEngine.Capture;

/// <summary>Decodes the RoCEv2 packets of a pcap or pcapng file.</summary>
public static class PacketDecoder
{
    /// <summary>
    /// The datagrams to port 4791, in the file's order, malformed ones included; other frames are only counted in
    /// <paramref name="summary"/>. Reads as it is enumerated.
    /// </summary>
    /// <exception cref="CaptureFormatException">
    /// The stream is no capture, is cut off or contradicts itself; thrown while enumerating, after the packets that came before.
    /// </exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static IEnumerable<DecodedPacket> Decode(Stream stream, DecodeSummary? summary = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return Enumerate(stream, summary ?? new DecodeSummary());
    }

    private static IEnumerable<DecodedPacket> Enumerate(Stream stream, DecodeSummary summary)
    {
        CaptureReader reader = CaptureReader.Open(stream);
        while (reader.TryRead(out CapturedFrame frame))
        {
            summary.FrameCount++;
            if (DecodeFrame(frame) is not { } packet)
            {
                continue;
            }

            summary.RoceCount++;
            summary.MalformedCount += packet.IsWellFormed ? 0 : 1;
            summary.IcrcMismatchCount +=
                packet.PacketIcrc == IcrcVerdict.Mismatch || packet.PayloadIcrc == IcrcVerdict.Mismatch ? 1 : 0;
            yield return packet;
        }
    }

    /// <summary>One frame; null when it carries no datagram to port 4791.</summary>
    public static DecodedPacket? DecodeFrame(in CapturedFrame frame)
    {
        if (!FrameParser.TryParse(frame, out RoceFrame roce))
        {
            return null;
        }

        bool isPacket = PacketCodec.TryDecode(roce.UdpPayload, out Packet header, out MalformedReason reason);
        FrameProblem problem = roce.Problem != FrameProblem.None ? roce.Problem
            : isPacket ? FrameProblem.None
            : FrameProblem.Malformed;

        IcrcVerdict whole = IcrcVerdict.NotChecked;
        IcrcVerdict blind = IcrcVerdict.NotChecked;
        ushort? recovered = null;
        if (problem == FrameProblem.None)
        {
            whole = WholePacketIcrc.Verify(roce.IpHeader, roce.UdpHeader, roce.UdpPayload) ? IcrcVerdict.Match : IcrcVerdict.Mismatch;
            bool matches = IcrcVerifier.TryVerify(
                roce.Source, roce.Destination, roce.SourcePort, roce.UdpPayload, out ushort identification, out bool dontFragment)
                && dontFragment == roce.DontFragment;
            blind = matches ? IcrcVerdict.Match : IcrcVerdict.Mismatch;
            recovered = matches && roce.IsIPv4 ? identification : null;
        }

        return new DecodedPacket
        {
            Number = frame.Number,
            TimestampNs = frame.TimestampNs,
            Source = roce.Source,
            Destination = roce.Destination,
            SourcePort = roce.SourcePort,
            Tos = roce.Tos,
            IpIdentification = roce.IsIPv4 ? roce.Identification : null,
            UdpPayloadBytes = roce.UdpPayload.Length,
            Problem = problem,
            Reason = problem == FrameProblem.Malformed ? reason : MalformedReason.None,
            HasBth = roce.UdpPayload.Length >= BthView.Length,
            Header = header,
            PacketIcrc = whole,
            PayloadIcrc = blind,
            RecoveredIdentification = recovered,
        };
    }
}
