using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using RoceEngine.Interop;
using static RoceEngine.Interop.NetlinkConstants;

namespace RoceEngine.Addresses;

/// <summary>Requests and answers of rtnetlink(7) as bytes. No socket here.</summary>
internal static class RouteMessages
{
    /// <summary>Room for any request written here.</summary>
    public const int RequestBytesMax = 84;

    public static readonly int HeaderBytes = Unsafe.SizeOf<NetlinkMessageHeader>();

    private static readonly int s_attributeHeaderBytes = Unsafe.SizeOf<NetlinkAttribute>();

    /// <summary>
    /// Writes RTM_NEWADDR (which fails with EEXIST when the address is there) or RTM_DELADDR, to be acknowledged. IFA_LOCAL and
    /// IFA_ADDRESS both hold the address: with them, a removal matches the prefix length too. An IPv6 address is added without
    /// duplicate address detection: for the second that it takes the address could not be used, and it was in use just before. With
    /// a prefix length of 128 it is added with a preferred lifetime of 0 (deprecated, RFC 4862, 5.5.4), so that it is never chosen as
    /// the source of a connection that did not ask for it: that would break when the address moves on.
    /// </summary>
    /// <returns>Bytes written: 40 for IPv4, 64 or 84 for IPv6.</returns>
    public static int WriteAddressChange(
        Span<byte> buffer, bool add, uint sequence, IPAddress address, int prefixLength, int interfaceIndex)
    {
        bool isIPv6 = AddressBits.IsIPv6(address);
        var message = new InterfaceAddressMessage
        {
            Family = (byte)(isIPv6 ? SocketConstants.AF_INET6 : SocketConstants.AF_INET),
            PrefixLength = (byte)prefixLength,
            Flags = add && isIPv6 ? IFA_F_NODAD : (byte)0,
            InterfaceIndex = (uint)interfaceIndex,
        };
        int at = HeaderBytes;
        MemoryMarshal.Write(buffer[at..], in message);
        at += Unsafe.SizeOf<InterfaceAddressMessage>();
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int count);
        at += WriteAttribute(buffer[at..], IFA_LOCAL, bytes[..count]);
        at += WriteAttribute(buffer[at..], IFA_ADDRESS, bytes[..count]);
        if (add && isIPv6 && prefixLength == AddressBits.HostPrefixLength(address))
        {
            // struct ifa_cacheinfo: preferred and valid lifetime, and two times that the kernel fills in.
            ReadOnlySpan<uint> lifetimes = [0, uint.MaxValue, 0, 0];
            at += WriteAttribute(buffer[at..], IFA_CACHEINFO, MemoryMarshal.AsBytes(lifetimes));
        }
        ushort flags = add ? (ushort)(NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL) : (ushort)(NLM_F_REQUEST | NLM_F_ACK);
        WriteHeader(buffer, at, add ? RTM_NEWADDR : RTM_DELADDR, flags, sequence);
        return at;
    }

    /// <summary>Writes the request for all addresses of all families. Returns the bytes written.</summary>
    public static int WriteAddressDump(Span<byte> buffer, uint sequence)
    {
        int bytes = HeaderBytes + Unsafe.SizeOf<InterfaceAddressMessage>();
        MemoryMarshal.Write(buffer[HeaderBytes..], default(InterfaceAddressMessage));
        WriteHeader(buffer, bytes, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, sequence);
        return bytes;
    }

    /// <summary>Writes the request for all interfaces, without their statistics. Returns the bytes written.</summary>
    public static int WriteLinkDump(Span<byte> buffer, uint sequence)
    {
        int at = HeaderBytes;
        MemoryMarshal.Write(buffer[at..], default(InterfaceInfoMessage));
        at += Unsafe.SizeOf<InterfaceInfoMessage>();
        uint mask = RTEXT_FILTER_SKIP_STATS;
        at += WriteAttribute(buffer[at..], IFLA_EXT_MASK, MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in mask)));
        WriteHeader(buffer, at, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, sequence);
        return at;
    }

    /// <summary>Takes the first message off <paramref name="bytes"/>. False when no whole one is left.</summary>
    public static bool TryTake(ref ReadOnlySpan<byte> bytes, out NetlinkMessageHeader header, out ReadOnlySpan<byte> payload)
    {
        payload = default;
        if (!MemoryMarshal.TryRead(bytes, out header) || header.Length < HeaderBytes || header.Length > bytes.Length)
            return false;
        payload = bytes[HeaderBytes..(int)header.Length];
        bytes = bytes[Math.Min(Aligned((int)header.Length), bytes.Length)..];
        return true;
    }

    /// <summary>The interface of an RTM_NEWLINK payload; null when it is malformed.</summary>
    public static LinkInfo? ReadLink(ReadOnlySpan<byte> payload)
    {
        if (!MemoryMarshal.TryRead(payload, out InterfaceInfoMessage info))
            return null;
        ReadOnlySpan<byte> attributes = payload[Unsafe.SizeOf<InterfaceInfoMessage>()..];
        string name = ReadText(FindAttribute(attributes, IFLA_IFNAME));
        return new LinkInfo(info.InterfaceIndex, name, info.Flags, info.HardwareType, FindAttribute(attributes, IFLA_ADDRESS).ToArray());
    }

    /// <summary>The address of an RTM_NEWADDR payload, on one of <paramref name="links"/>; null for other families or interfaces.</summary>
    public static LocalAddress? ReadAddress(ReadOnlySpan<byte> payload, IReadOnlyDictionary<int, LinkInfo> links)
    {
        if (!MemoryMarshal.TryRead(payload, out InterfaceAddressMessage message)
            || !links.TryGetValue((int)message.InterfaceIndex, out LinkInfo? link))
        {
            return null;
        }
        ReadOnlySpan<byte> attributes = payload[Unsafe.SizeOf<InterfaceAddressMessage>()..];
        IPAddress? prefix = ReadAddress(message.Family, FindAttribute(attributes, IFA_ADDRESS), link.Index);
        IPAddress? local = ReadAddress(message.Family, FindAttribute(attributes, IFA_LOCAL), link.Index) ?? prefix;
        return local == null
            ? null
            : new LocalAddress(local, message.PrefixLength, link.Name, link.Index)
            {
                PrefixAddress = prefix ?? local,
                InterfaceFlags = link.Flags,
            };
    }

    /// <summary>The value of the first attribute of that type; empty when there is none.</summary>
    public static ReadOnlySpan<byte> FindAttribute(ReadOnlySpan<byte> attributes, ushort type)
    {
        while (MemoryMarshal.TryRead(attributes, out NetlinkAttribute attribute)
            && attribute.Length >= s_attributeHeaderBytes && attribute.Length <= attributes.Length)
        {
            if (attribute.Type == type)
                return attributes[s_attributeHeaderBytes..attribute.Length];
            attributes = attributes[Math.Min(Aligned(attribute.Length), attributes.Length)..];
        }
        return default;
    }

    /// <summary>A zero-terminated attribute as text.</summary>
    public static string ReadText(ReadOnlySpan<byte> value) => Encoding.UTF8.GetString(value.TrimEnd((byte)0));

    private static IPAddress? ReadAddress(byte family, ReadOnlySpan<byte> bytes, int interfaceIndex)
    {
        if (family == SocketConstants.AF_INET && bytes.Length == 4)
            return new IPAddress(bytes);
        if (family != SocketConstants.AF_INET6 || bytes.Length != 16)
            return null;
        var address = new IPAddress(bytes);
        return address.IsIPv6LinkLocal ? new IPAddress(bytes, interfaceIndex) : address;
    }

    private static void WriteHeader(Span<byte> buffer, int bytes, ushort type, int flags, uint sequence)
    {
        var header = new NetlinkMessageHeader { Length = (uint)bytes, Type = type, Flags = (ushort)flags, Sequence = sequence };
        MemoryMarshal.Write(buffer, in header);
    }

    /// <summary>All values written here are multiples of four bytes long, so none needs padding.</summary>
    private static int WriteAttribute(Span<byte> at, ushort type, ReadOnlySpan<byte> value)
    {
        var attribute = new NetlinkAttribute { Length = (ushort)(s_attributeHeaderBytes + value.Length), Type = type };
        MemoryMarshal.Write(at, in attribute);
        value.CopyTo(at[s_attributeHeaderBytes..]);
        return attribute.Length;
    }

    private static int Aligned(int bytes) => (bytes + 3) & ~3;
}
