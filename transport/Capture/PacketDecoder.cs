using RoceEngine.Wire;

namespace RoceEngine.Capture;

/// <summary>Decodes the RoCEv2 packets of a pcap or pcapng file.</summary>
public static class PacketDecoder
{
    private const int HeaderBytesMax = 60 + 8;

    /// <summary>
    /// The datagrams to port 4791, in the file's order, malformed ones included; other frames are only counted in
    /// <paramref name="summary"/>. A frame that holds a whole train of datagrams, as a capture on the sending host does, gives one packet
    /// per datagram. Reads as it is enumerated.
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
        var packets = new List<DecodedPacket>();
        int trainDatagramBytes = 0;
        while (reader.TryRead(out CapturedFrame frame))
        {
            summary.FrameCount++;
            packets.Clear();
            DecodeFrame(frame, packets, ref trainDatagramBytes);
            summary.RoceFrameCount += packets.Count > 0 ? 1 : 0;
            foreach (DecodedPacket packet in packets)
            {
                summary.Count(packet);
                yield return packet;
            }
        }
    }

    /// <summary>Adds the packets of one frame: none when it carries no datagram to port 4791, several when it carries a train.</summary>
    private static void DecodeFrame(in CapturedFrame frame, List<DecodedPacket> into, ref int trainDatagramBytes)
    {
        if (!FrameParser.TryParse(frame, out RoceFrame roce))
        {
            return;
        }

        DecodedPacket whole = DecodeDatagram(frame, roce, null);
        bool mayBeTrain = roce.Problem == FrameProblem.None
            && (whole.Problem == FrameProblem.Malformed || whole.PayloadIcrc == IcrcVerdict.Mismatch);
        int datagramBytes = mayBeTrain ? TrainSplitter.FindDatagramBytes(roce, trainDatagramBytes) : 0;
        if (datagramBytes == 0)
        {
            into.Add(whole);
            return;
        }

        trainDatagramBytes = datagramBytes;
        Span<byte> headers = stackalloc byte[HeaderBytesMax];
        for (int index = 0; index * datagramBytes < roce.UdpPayload.Length; index++)
        {
            into.Add(DecodeDatagram(frame, TrainSplitter.Cut(roce, datagramBytes, index, headers), index));
        }
    }

    private static DecodedPacket DecodeDatagram(in CapturedFrame frame, in RoceFrame roce, int? trainIndex)
    {
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
            TrainIndex = trainIndex,
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
