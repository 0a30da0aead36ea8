using System.Net;
using CsCheck;
using RoceEngine.Wire;

namespace Wire.Tests;

/// <summary>Packets for tests, encoded by the codec.</summary>
internal static class Packets
{
    public static readonly Gid Left = Gid.From(IPAddress.Parse("10.1.2.3"));
    public static readonly Gid Right = Gid.From(IPAddress.Parse("192.168.255.254"));
    public static readonly Gid Left6 = Gid.From(IPAddress.Parse("2001:db8::1:2"));
    public static readonly Gid Right6 = Gid.From(IPAddress.Parse("fe80::abcd"));

    public static readonly Gen<Opcode> AnyOpcode =
        Gen.Int[0, Enum.GetValues<Opcode>().Length - 1].Select(index => Enum.GetValues<Opcode>()[index]);

    /// <summary>Any packet of any opcode, all fields at random, those that its opcode lacks too.</summary>
    public static readonly Gen<Packet> Any =
        from opcode in AnyOpcode
        from flags in Gen.Int[0, 7]
        from words in Gen.UInt.Array[8]
        from longs in Gen.ULong.Array[4]
        from payload in Gen.OneOf(Gen.Int[0, 300], Gen.Int[0, RoceUdp.PayloadBytesMax])
        select Compose(opcode, (PacketFlags)flags, words, longs, payload);

    public static Packet Compose(Opcode opcode, PacketFlags flags, uint[] words, ulong[] longs, int payloadBytes) => new()
    {
        Opcode = opcode,
        Flags = flags,
        Syndrome = (byte)words[0],
        PartitionKey = (ushort)words[1],
        DestinationQpn = words[2] & 0xFF_FFFF,
        Psn = new Psn(words[3]),
        PsnCount = 1,
        MessageSequenceNumber = words[4] & 0xFF_FFFF,
        RemoteAddress = longs[0],
        RemoteKey = words[5],
        DmaLength = words[6],
        SwapOrAdd = longs[1],
        Compare = longs[2],
        OriginalValue = longs[3],
        ImmediateOrKey = words[7],
        QueueKey = words[0] ^ words[7],
        SourceQpn = words[1] & 0xFF_FFFF,
        FlushOptions = words[5] ^ words[6],
        CompareMaskOrBoundary = longs[0] ^ longs[2],
        SwapMask = longs[1] ^ longs[3],
        PayloadBytes = OpcodeTable.For(opcode).HasAny(PacketTraits.HasPayload) ? payloadBytes : 0,
    };

    /// <summary>A whole UDP payload: headers, payload byte i = 31·i + 7, padding and ICRC.</summary>
    public static byte[] Encode(
        in Packet packet, in Gid source, in Gid destination, ushort sourcePort, ushort identification = 0, bool dontFragment = true)
    {
        byte[] bytes = new byte[PacketCodec.DatagramBytes(packet)];
        int headerBytes = PacketCodec.EncodeHeaders(packet, bytes);
        for (int i = 0; i < packet.PayloadBytes; i++)
        {
            bytes[headerBytes + i] = (byte)((31 * i) + 7);
        }

        var pseudo = new IcrcPseudo(source, destination, sourcePort, dontFragment: dontFragment);
        uint state = Icrc.Begin(pseudo, bytes.AsSpan(0, headerBytes), bytes.Length, identification);
        state = Icrc.Update(state, bytes.AsSpan(headerBytes..^Icrc.Length));
        Icrc.Write(bytes.AsSpan(^Icrc.Length..), state);
        return bytes;
    }

    public static byte[] Send(int payloadBytes, ushort identification = 0, bool dontFragment = true) => Encode(
        new Packet
        {
            Opcode = Opcode.RcSendOnly,
            PartitionKey = 0xFFFF,
            DestinationQpn = 0x11,
            Psn = new Psn(0x123456),
            PayloadBytes = payloadBytes,
        },
        Left,
        Right,
        0xC001,
        identification,
        dontFragment);
}
