using System.Buffers.Binary;
using System.Runtime.InteropServices;
using RoceEngine.Wire;

namespace Hostile.Tests.Fuzzing;

/// <summary>Well-formed inputs for each target, to begin from. Made, not stored: they follow the formats when those change.</summary>
public static class FuzzSeeds
{
    /// <summary>The seeds of a target.</summary>
    public static IReadOnlyList<byte[]> For(string target) => target switch
    {
        "codec" => [.. Datagrams()],
        "capture" => [PcapOf([]), PcapOf(Datagrams())],
        "commands" => [.. Commands()],
        "requests" => [.. WorkRequests()],
        _ => [Records(Datagrams()), .. Datagrams().Select(datagram => Records([datagram, datagram]))],
    };

    /// <summary>One datagram of each opcode, with payload where it may have some.</summary>
    private static IEnumerable<byte[]> Datagrams()
    {
        foreach (Opcode opcode in Enum.GetValues<Opcode>())
        {
            foreach (int payload in OpcodeTable.For(opcode).HasAny(PacketTraits.HasPayload) ? new[] { 8, 1024 } : [0])
            {
                var packet = new Packet { Opcode = opcode, PartitionKey = 0xFFFF, PsnCount = 1, PayloadBytes = payload, DmaLength = (uint)payload, RemoteAddress = 0x7000_0000_0000 };
                byte[] bytes = new byte[PacketCodec.DatagramBytes(packet)];
                PacketCodec.EncodeHeaders(packet, bytes);
                yield return bytes;
            }
        }
    }

    private static byte[] Records(IEnumerable<byte[]> datagrams)
    {
        List<byte> bytes = [0];
        foreach (byte[] datagram in datagrams)
        {
            bytes.AddRange([(byte)datagram.Length, (byte)((datagram.Length >> 8) | 0x80)]);
            bytes.AddRange(datagram);
        }

        return [.. bytes];
    }

    private static byte[] PcapOf(IEnumerable<byte[]> datagrams)
    {
        List<byte> file = [];
        void U32(uint value)
        {
            byte[] word = new byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(word, value);
            file.AddRange(word);
        }

        // Microseconds, version 2.4, raw IP.
        foreach (uint word in new[] { 0xA1B2_C3D4u, 0x0004_0002u, 0u, 0u, 65_535u, 101u })
        {
            U32(word);
        }

        foreach (byte[] datagram in datagrams)
        {
            int total = 28 + datagram.Length;
            byte[] headers = new byte[28];
            headers[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(headers.AsSpan(2), (ushort)total);
            headers[8] = 64;
            headers[9] = 17;
            headers[12] = headers[16] = 127;
            BinaryPrimitives.WriteUInt16BigEndian(headers.AsSpan(22), RoceUdp.Port);
            BinaryPrimitives.WriteUInt16BigEndian(headers.AsSpan(24), (ushort)(8 + datagram.Length));
            foreach (uint word in new[] { 1u, 2u, (uint)total, (uint)total })
            {
                U32(word);
            }

            file.AddRange(headers);
            file.AddRange(datagram);
        }

        return [.. file];
    }

    private static IEnumerable<byte[]> Commands()
    {
        for (uint number = 0; number < 32; number++)
        {
            byte[] record = new byte[DeviceFuzz.CommandBytes];
            BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), number);
            for (int word = 16; word < 48; word += 4)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(word), 1);
            }

            yield return [.. record, .. record];
        }
    }

    private static IEnumerable<byte[]> WorkRequests()
    {
        for (uint opcode = 0; opcode < 16; opcode++)
        {
            byte[] record = new byte[DeviceFuzz.WorkRequestBytes];
            var head = new PvrdmaSendWqe { WorkRequestId = opcode, SgeCount = 1, Opcode = opcode, Flags = 2, RemoteAddress = 0x5000 };
            var entry = new PvrdmaSge { Address = 0x7000_0000_0000, Length = 64 };
            MemoryMarshal.Write(record, in head);
            MemoryMarshal.Write(record.AsSpan(PvrdmaWqeLayout.SendHeaderBytes), in entry);
            yield return [.. record, .. record];
        }
    }
}
