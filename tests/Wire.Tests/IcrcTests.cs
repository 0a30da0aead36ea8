using System.Buffers.Binary;
using CsCheck;
using RoceEngine.Wire;

namespace Wire.Tests;

public class IcrcTests
{
    /// <summary>
    /// The ICRC from its definition: the masked packet written out whole, one bit at a time, with neither tables nor shared code.
    /// </summary>
    internal static uint ByDefinition(
        in Gid source, in Gid destination, ushort sourcePort, ushort identification, bool dontFragment, ReadOnlySpan<byte> covered)
    {
        var bytes = new List<byte>(Enumerable.Repeat((byte)0xFF, 8));
        int udpBytes = covered.Length + 4 + 8;
        byte[] sourceBytes = source.ToIPAddress().GetAddressBytes();
        byte[] destinationBytes = destination.ToIPAddress().GetAddressBytes();
        if (source.IsIPv4)
        {
            int total = udpBytes + 20;
            bytes.AddRange([0x45, 0xFF, (byte)(total >> 8), (byte)total, (byte)(identification >> 8), (byte)identification]);
            bytes.AddRange([dontFragment ? (byte)0x40 : (byte)0, 0, 0xFF, 17, 0xFF, 0xFF]);
        }
        else
        {
            bytes.AddRange([0x6F, 0xFF, 0xFF, 0xFF, (byte)(udpBytes >> 8), (byte)udpBytes, 17, 0xFF]);
        }

        bytes.AddRange(sourceBytes);
        bytes.AddRange(destinationBytes);
        bytes.AddRange([(byte)(sourcePort >> 8), (byte)sourcePort, 0x12, 0xB7, (byte)(udpBytes >> 8), (byte)udpBytes, 0xFF, 0xFF]);
        int payload = bytes.Count;
        bytes.AddRange(covered.ToArray());
        bytes[payload + 4] = 0xFF;

        uint register = uint.MaxValue;
        foreach (byte value in bytes)
        {
            register ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                register = (register & 1) != 0 ? (register >> 1) ^ 0xEDB8_8320 : register >> 1;
            }
        }

        return ~register;
    }

    [Fact]
    public void The_icrc_of_any_packet_is_that_of_the_definition() =>
        Gen.Select(Packets.Any, Gen.UShort, Gen.UShort, Gen.Bool, Gen.Bool).Sample((packet, port, identification, isIPv6, dontFragment) =>
        {
            packet.PayloadBytes %= 700;
            Gid source = isIPv6 ? Packets.Left6 : Packets.Left;
            Gid destination = isIPv6 ? Packets.Right6 : Packets.Right;
            byte[] bytes = Packets.Encode(packet, source, destination, port, identification, dontFragment);
            uint expected = ByDefinition(source, destination, port, identification, dontFragment, bytes.AsSpan(..^4));
            Assert.Equal(expected, BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(^4..)));
        }, iter: 500);

    [Fact]
    public void The_vector_form_of_the_beginning_agrees_with_the_scalar_one() =>
        Gen.Select(Gen.Byte.Array[12, 90], Gen.UShort, Gen.Int[16, 5000], Gen.Bool).Sample((headers, identification, bytes, isIPv6) =>
        {
            var pseudo = isIPv6
                ? new IcrcPseudo(Packets.Left6, Packets.Right6, 0xC0DE)
                : new IcrcPseudo(Packets.Left, Packets.Right, 0xC0DE);
            return pseudo.BeginScalar(headers, bytes, identification) == pseudo.Begin(headers, bytes, identification);
        }, iter: 2000);

    [Fact]
    public void A_payload_in_pieces_gives_the_icrc_of_the_whole() =>
        Gen.Select(Gen.Byte.Array[0, 600], Gen.Int[0, 40].Array[0, 30]).Sample((payload, cuts) =>
        {
            uint whole = Icrc.Update(1, payload);
            uint pieces = 1;
            byte[] copy = new byte[payload.Length];
            int offset = 0;
            foreach (int cut in cuts)
            {
                int bytes = Math.Min(cut, payload.Length - offset);
                pieces = Icrc.UpdateAndCopy(pieces, payload.AsSpan(offset, bytes), copy.AsSpan(offset));
                offset += bytes;
            }

            pieces = Icrc.UpdateAndCopy(pieces, payload.AsSpan(offset), copy.AsSpan(offset));
            return whole == pieces && payload.AsSpan().SequenceEqual(copy);
        });

    [Fact]
    public void A_trains_icrcs_follow_from_the_one_with_identification_0_for_every_identification()
    {
        foreach (int payloadBytes in (int[])[0, 8, 1024])
        {
            byte[] packet = Packets.Send(payloadBytes);
            uint zero = Icrc.Read(packet.AsSpan(^4..));
            var pseudo = new IcrcPseudo(Packets.Left, Packets.Right, 0xC001);
            for (int identification = 0; identification <= ushort.MaxValue; identification++)
            {
                uint state = Icrc.Begin(pseudo, packet.AsSpan(..^4), packet.Length, (ushort)identification);
                if (Icrc.Finish(state) != (zero ^ Icrc.ShiftIdentification((ushort)identification, packet.Length)))
                {
                    Assert.Fail($"identification {identification} at {payloadBytes} bytes");
                }
            }
        }
    }

    [Fact]
    public void Multiplication_and_powers_obey_the_rules_of_the_field() =>
        Gen.Select(Gen.UInt, Gen.UInt, Gen.UInt, Gen.Int[-200_000, 200_000]).Sample((a, b, c, n) =>
        {
            uint product = Crc32Field.MultiplyScalar(a, b);
            Assert.Equal(product, Crc32Field.Multiply(a, b));
            Assert.Equal(product, Crc32Field.Multiply(b, a));
            Assert.Equal(Crc32Field.Multiply(product, c), Crc32Field.Multiply(a, Crc32Field.Multiply(b, c)));
            Assert.Equal(product ^ Crc32Field.Multiply(a, c), Crc32Field.Multiply(a, b ^ c));
            Assert.Equal(a, Crc32Field.Multiply(a, Crc32Field.One));
            Assert.Equal(Crc32Field.One, Crc32Field.Multiply(Crc32Field.PowerOfX(n), Crc32Field.PowerOfX(-(long)n)));
            Assert.Equal(Crc32Field.PowerOfX(n + 1L), Crc32Field.Multiply(Crc32Field.PowerOfX(n), Crc32Field.PowerOfX(1)));
        });

    [Fact]
    public void Appending_zero_bytes_multiplies_by_a_power_of_x()
    {
        for (int bytes = 0; bytes < 5000; bytes += 37)
        {
            uint appended = Crc32.UpdateScalar(0x1234_5678, new byte[bytes]);
            Assert.Equal(appended, Crc32Field.Multiply(0x1234_5678, Crc32Field.PowerOfX(8L * bytes)));
        }
    }
}
