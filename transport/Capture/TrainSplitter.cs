using System.Buffers.Binary;
using RoceEngine.Wire;

namespace RoceEngine.Capture;

/// <summary>
/// Finds the datagrams of a train. A capture on a host that sends by UDP segmentation offload (or receives by UDP GRO) holds a train of
/// equal datagrams as one large one; the network cuts it later. The cut is where the first datagram's ICRC fits, with its own length
/// and the frame's own identification.
/// </summary>
internal static class TrainSplitter
{
    private const int DatagramBytesMin = BthView.Length + Icrc.Length;
    private const int UdpHeaderBytes = 8;

    /// <summary>Bytes of each datagram but the last; 0 when the frame is no train.</summary>
    /// <param name="train">A frame with a complete UDP payload.</param>
    /// <param name="likelyBytes">Tried first: the size of the train before, or 0.</param>
    public static int FindDatagramBytes(in RoceFrame train, int likelyBytes)
    {
        int limit = Math.Min(train.UdpPayload.Length - DatagramBytesMin, RoceUdp.DatagramBytesMax);
        if (likelyBytes >= DatagramBytesMin && likelyBytes <= limit && Fits(train, likelyBytes))
        {
            return likelyBytes;
        }

        for (int bytes = DatagramBytesMin; bytes <= limit; bytes += 4)
        {
            if (Fits(train, bytes))
            {
                return bytes;
            }
        }

        return 0;
    }

    /// <summary>
    /// The datagram at <paramref name="index"/> of the train, with the IP and UDP headers that it has on the wire, for which
    /// <paramref name="headers"/> is the room: lengths of its own, and an identification that counts up.
    /// </summary>
    public static RoceFrame Cut(in RoceFrame train, int datagramBytes, int index, Span<byte> headers)
    {
        int offset = index * datagramBytes;
        ReadOnlySpan<byte> payload = train.UdpPayload.Slice(offset, Math.Min(datagramBytes, train.UdpPayload.Length - offset));
        Span<byte> ip = headers[..train.IpHeader.Length];
        Span<byte> udp = headers.Slice(train.IpHeader.Length, UdpHeaderBytes);
        train.IpHeader.CopyTo(ip);
        train.UdpHeader.CopyTo(udp);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)(UdpHeaderBytes + payload.Length));
        if (train.IsIPv4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(ip.Length + UdpHeaderBytes + payload.Length));
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(train.Identification + index));
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(UdpHeaderBytes + payload.Length));
        }

        return new RoceFrame { IpHeader = ip, UdpHeader = udp, UdpPayload = payload };
    }

    /// <summary>Sixteen bits of the ICRC and, for IPv4, sixteen of the identification: what fits by accident is next to nothing.</summary>
    private static bool Fits(in RoceFrame train, int bytes)
    {
        ReadOnlySpan<byte> first = train.UdpPayload[..bytes];
        return PacketCodec.TryDecode(first, out _, out _)
            && IcrcVerifier.TryVerify(
                train.Source, train.Destination, train.SourcePort, first, out ushort identification, out bool dontFragment)
            && dontFragment == train.DontFragment
            && identification == train.Identification;
    }
}
