using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>Makes the whole UDP payload of a packet in one buffer, for links that need it in one piece.</summary>
internal static unsafe class DatagramEncoder
{
    /// <summary>Writes headers, payload, padding and ICRC; returns their length. Payload beyond the largest path MTU does not fit.</summary>
    public static int Encode(in Packet packet, in IcrcPseudo pseudo, ushort identification, Span<byte> into)
    {
        int datagramBytes = PacketCodec.DatagramBytes(packet);
        int offset = PacketCodec.EncodeHeaders(packet, into);
        uint state = Icrc.Begin(pseudo, into[..offset], datagramBytes, identification);
        for (int i = 0; i < packet.SegmentCount; i++)
        {
            var segment = new ReadOnlySpan<byte>(packet.Segments[i].Address, packet.Segments[i].Bytes);
            state = Icrc.UpdateAndCopy(state, segment, into[offset..]);
            offset += segment.Length;
        }
        Span<byte> pad = into.Slice(offset, PacketCodec.PadBytes(packet.PayloadBytes));
        pad.Clear();
        state = Icrc.Update(state, pad);
        Icrc.Write(into[(offset + pad.Length)..], state);
        return datagramBytes;
    }
}
