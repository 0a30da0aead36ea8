using System.Buffers.Binary;
using RoceEngine.Wire;

namespace RoceEngine.Capture;

/// <summary>Which way a captured datagram went, as seen by who captured it.</summary>
public enum CaptureDirection : byte
{
    /// <summary>Not told.</summary>
    Unknown = 0,

    /// <summary>Received.</summary>
    Inbound = 1,

    /// <summary>Sent.</summary>
    Outbound = 2,
}

/// <summary>
/// Writes a pcapng file of one interface with link type RAW (IP packets), in nanoseconds: draft-ietf-opsawg-pcapng. The IP and UDP
/// headers are synthesised from what a UDP socket knows. Not safe for threads; allocates nothing per datagram.
/// </summary>
public sealed class CaptureWriter : IDisposable
{
    private const uint SectionHeader = 0x0A0D_0D0A;
    private const uint InterfaceDescription = 1;
    private const uint EnhancedPacket = 6;
    private const uint ByteOrderMagic = 0x1A2B_3C4D;
    private const ushort OptionEnd = 0;
    private const ushort OptionInterfaceName = 2;
    private const ushort OptionUserApplication = 4;
    private const ushort OptionTimestampResolution = 9;
    private const ushort OptionPacketFlags = 2;
    private const int PacketBlockHeadBytes = 28;
    private const int PacketBlockTailBytes = 4 + 8 + 4 + 4;

    private readonly Stream _output;
    private readonly bool _leaveOpen;
    private readonly byte[] _block = new byte[PacketBlockHeadBytes + 65_536 + DatagramHeaders.BytesMax + PacketBlockTailBytes];

    /// <summary>Begins a file: writes the section header and the interface description.</summary>
    /// <param name="output">Where to write; needs no seeking.</param>
    /// <param name="interfaceName">The name of the interface in the file.</param>
    /// <param name="leaveOpen">True when <see cref="Dispose"/> shall leave the stream open.</param>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public CaptureWriter(Stream output, string interfaceName = "vrdma", bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentException.ThrowIfNullOrEmpty(interfaceName);
        _output = output;
        _leaveOpen = leaveOpen;
        WriteSectionHeader();
        WriteInterface(interfaceName);
    }

    /// <summary>Datagrams written.</summary>
    public long DatagramCount { get; private set; }

    /// <summary>Bytes written, block headers included.</summary>
    public long ByteCount { get; private set; }

    /// <summary>Writes one datagram to port 4791.</summary>
    /// <param name="source">Source address; of the same family as <paramref name="destination"/>.</param>
    /// <param name="destination">Destination address.</param>
    /// <param name="sourcePort">UDP source port.</param>
    /// <param name="tos">IPv4 TOS or IPv6 traffic class.</param>
    /// <param name="identification">IPv4 identification, which the ICRC covers; not looked at for IPv6.</param>
    /// <param name="udpPayload">BTH to ICRC.</param>
    /// <param name="timestampNs">Nanoseconds since the Unix epoch.</param>
    /// <param name="direction">Recorded as the packet's direction when known.</param>
    /// <param name="dontFragment">IPv4's DF bit, which the ICRC covers.</param>
    /// <exception cref="ArgumentException">The payload does not fit into a UDP datagram.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public void WriteDatagram(
        in Gid source,
        in Gid destination,
        ushort sourcePort,
        byte tos,
        ushort identification,
        ReadOnlySpan<byte> udpPayload,
        long timestampNs,
        CaptureDirection direction = CaptureDirection.Unknown,
        bool dontFragment = true)
    {
        if (udpPayload.Length > DatagramHeaders.UdpPayloadBytesMax)
        {
            throw new ArgumentException($"{udpPayload.Length} bytes do not fit into a UDP datagram", nameof(udpPayload));
        }

        Span<byte> block = _block;
        int headerBytes = DatagramHeaders.Write(
            block[PacketBlockHeadBytes..], source, destination, sourcePort, tos, identification, dontFragment, udpPayload);
        udpPayload.CopyTo(block[(PacketBlockHeadBytes + headerBytes)..]);
        int packetBytes = headerBytes + udpPayload.Length;

        BinaryPrimitives.WriteUInt32LittleEndian(block, EnhancedPacket);
        BinaryPrimitives.WriteUInt32LittleEndian(block[8..], 0);
        BinaryPrimitives.WriteUInt32LittleEndian(block[12..], (uint)((ulong)timestampNs >> 32));
        BinaryPrimitives.WriteUInt32LittleEndian(block[16..], (uint)timestampNs);
        BinaryPrimitives.WriteInt32LittleEndian(block[20..], packetBytes);
        BinaryPrimitives.WriteInt32LittleEndian(block[24..], packetBytes);
        int offset = Pad(PacketBlockHeadBytes + packetBytes);
        block[(PacketBlockHeadBytes + packetBytes)..offset].Clear();
        if (direction != CaptureDirection.Unknown)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(block[offset..], OptionPacketFlags);
            BinaryPrimitives.WriteUInt16LittleEndian(block[(offset + 2)..], 4);
            BinaryPrimitives.WriteUInt32LittleEndian(block[(offset + 4)..], (uint)direction);
            BinaryPrimitives.WriteUInt32LittleEndian(block[(offset + 8)..], OptionEnd);
            offset += 12;
        }

        FinishBlock(offset);
        DatagramCount++;
    }

    /// <summary>Flushes the stream.</summary>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public void Flush() => _output.Flush();

    /// <summary>Flushes, and closes the stream unless told to leave it open.</summary>
    public void Dispose()
    {
        _output.Flush();
        if (!_leaveOpen)
        {
            _output.Dispose();
        }
    }

    private void WriteSectionHeader()
    {
        Span<byte> block = _block;
        BinaryPrimitives.WriteUInt32LittleEndian(block, SectionHeader);
        BinaryPrimitives.WriteUInt32LittleEndian(block[8..], ByteOrderMagic);
        BinaryPrimitives.WriteUInt16LittleEndian(block[12..], 1);
        BinaryPrimitives.WriteUInt16LittleEndian(block[14..], 0);
        BinaryPrimitives.WriteInt64LittleEndian(block[16..], -1);
        FinishBlock(WriteText(24, OptionUserApplication, "vRDMA"));
    }

    private void WriteInterface(string name)
    {
        Span<byte> block = _block;
        BinaryPrimitives.WriteUInt32LittleEndian(block, InterfaceDescription);
        BinaryPrimitives.WriteUInt16LittleEndian(block[8..], (ushort)LinkType.Raw);
        BinaryPrimitives.WriteUInt16LittleEndian(block[10..], 0);
        BinaryPrimitives.WriteUInt32LittleEndian(block[12..], 0);
        int offset = WriteText(16, OptionInterfaceName, name) - 4;
        BinaryPrimitives.WriteUInt16LittleEndian(block[offset..], OptionTimestampResolution);
        BinaryPrimitives.WriteUInt16LittleEndian(block[(offset + 2)..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(block[(offset + 4)..], 9);
        BinaryPrimitives.WriteUInt32LittleEndian(block[(offset + 8)..], OptionEnd);
        FinishBlock(offset + 12);
    }

    /// <summary>Writes a text option and the end of options; returns the offset after both.</summary>
    private int WriteText(int offset, ushort option, string text)
    {
        Span<byte> into = _block.AsSpan(offset);
        byte[] encoded = System.Text.Encoding.UTF8.GetBytes(text.Length <= 255 ? text : text[..255]);
        BinaryPrimitives.WriteUInt16LittleEndian(into, option);
        BinaryPrimitives.WriteUInt16LittleEndian(into[2..], (ushort)encoded.Length);
        into.Slice(4, Pad(encoded.Length)).Clear();
        encoded.CopyTo(into[4..]);
        int end = 4 + Pad(encoded.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(into[end..], OptionEnd);
        return offset + end + 4;
    }

    /// <summary>Puts the length at both ends of the block and writes it.</summary>
    private void FinishBlock(int bytes)
    {
        Span<byte> block = _block.AsSpan(0, bytes + 4);
        BinaryPrimitives.WriteInt32LittleEndian(block[4..], block.Length);
        BinaryPrimitives.WriteInt32LittleEndian(block[bytes..], block.Length);
        _output.Write(block);
        ByteCount += block.Length;
    }

    private static int Pad(int bytes) => (bytes + 3) & ~3;
}
