using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace RoceEngine.ConnectionManager.Messages;

/// <summary>
/// The 36 bytes of IP addressing at the head of the private data of REQ and SIDR_REQ. IBTA vol. 1, annex A11.
/// <code>0 major, minor version 0 | 1 IP version (4) | 2 source port | 4 source address (16) | 20 destination address (16)</code>
/// </summary>
public sealed record AddressHeader(IPAddress Source, IPAddress Destination, ushort SourcePort)
{
    /// <summary>Bytes of the header.</summary>
    public const int Bytes = 36;

    private const int IPv4Offset = 12;

    /// <summary>Reads it; null when the version is unknown.</summary>
    public static AddressHeader? Read(ReadOnlySpan<byte> privateData)
    {
        int ipVersion = privateData[1] >> 4;
        return privateData[0] != 0 || ipVersion is not (4 or 6)
            ? null
            : new AddressHeader(ReadAddress(privateData[4..], ipVersion), ReadAddress(privateData[20..], ipVersion), BinaryPrimitives.ReadUInt16BigEndian(privateData[2..]));
    }

    /// <summary>The header with an application's data behind it.</summary>
    /// <param name="data">The application's data.</param>
    /// <param name="privateDataBytes">Bytes that the message has for both.</param>
    public byte[] With(ReadOnlySpan<byte> data, int privateDataBytes)
    {
        byte[] all = new byte[privateDataBytes];
        bool isIPv4 = Destination.AddressFamily == AddressFamily.InterNetwork;
        all[1] = isIPv4 ? (byte)0x40 : (byte)0x60;
        BinaryPrimitives.WriteUInt16BigEndian(all.AsSpan(2), SourcePort);
        int skip = isIPv4 ? IPv4Offset : 0;
        _ = Source.TryWriteBytes(all.AsSpan(4 + skip, 16 - skip), out _);
        _ = Destination.TryWriteBytes(all.AsSpan(20 + skip, 16 - skip), out _);
        data.CopyTo(all.AsSpan(Bytes));
        return all;
    }

    private static IPAddress ReadAddress(ReadOnlySpan<byte> from, int ipVersion) => new(ipVersion == 4 ? from[IPv4Offset..16] : from[..16]);
}

/// <summary>Service IDs of IP ports. IBTA vol. 1, A11.4: 00 00 00 00 01, protocol, port.</summary>
public static class ServiceId
{
    private const ulong Prefix = 0x0000_0000_0100_0000;

    /// <summary>Connected services: <c>RDMA_PS_TCP</c>.</summary>
    public const ushort Tcp = 0x0106;

    /// <summary>Datagrams: <c>RDMA_PS_UDP</c>.</summary>
    public const ushort Udp = 0x0111;

    /// <summary>The ID of a port in a port space.</summary>
    public static ulong Of(ushort portSpace, ushort port) => ((ulong)portSpace << 16) | port;

    /// <summary>The port of an ID.</summary>
    public static ushort PortOf(ulong serviceId) => (ushort)serviceId;

    /// <summary>The ID is an IP port's.</summary>
    public static bool IsOfPort(ulong serviceId) => (serviceId & 0xFFFF_FFFF_FF00_0000) == Prefix;
}
