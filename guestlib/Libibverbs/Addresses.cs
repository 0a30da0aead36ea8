using System.Net;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Verbs;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Libibverbs;

/// <summary>MTUs as <c>enum ibv_mtu</c> has them.</summary>
internal static class MtuCode
{
    /// <summary>The code of an MTU in bytes.</summary>
    public static int Of(int bytes) => (int)PathMtu.Encode(bytes);

    /// <summary>The MTU of a code, in bytes; 0 for none.</summary>
    public static int ToBytes(int code) => PathMtu.Decode((uint)code);
}

/// <summary>GIDs and ways to other devices.</summary>
internal static class Addresses
{
    /// <summary>The GID of an address; an IPv4 address is mapped. IBTA annex A17.</summary>
    public static IbvGid ToGid(IPAddress address)
    {
        IbvGid gid = default;
        _ = address.MapToIPv6().TryWriteBytes(gid, out _);
        return gid;
    }

    /// <summary>The address of a GID; null for the one of zeroes.</summary>
    public static IPAddress? FromGid(in IbvGid gid) => GidConversion.FromGid(gid);

    /// <summary>The attributes of an address handle.</summary>
    /// <exception cref="VerbsException">EINVAL: there is no GRH, which RoCE cannot do without, or it names nobody.</exception>
    public static AddressHandleAttributes Read(in IbvAhAttr from) => new()
    {
        DestinationAddress = DestinationOf(in from) ?? throw new VerbsException(Errno.Invalid, "ibv_create_ah: the address has no GRH with a destination GID"),
        SourceGidIndex = from.Grh.SgidIndex,
        TrafficClass = from.Grh.TrafficClass,
        HopLimit = from.Grh.HopLimit == 0 ? DefaultHopLimit : from.Grh.HopLimit,
        FlowLabel = from.Grh.FlowLabel & 0xF_FFFF,
        ServiceLevel = (byte)(from.Sl & 15),
        Port = from.PortNum,
    };

    /// <summary>A hop limit of 0 would never leave the machine; the kernel's drivers send this one then.</summary>
    public const byte DefaultHopLimit = 64;

    /// <summary>Where an address vector leads; null without GRH or destination.</summary>
    public static IPAddress? DestinationOf(in IbvAhAttr from) => from.IsGlobal != 0 ? FromGid(in from.Grh.Dgid) : null;

    /// <summary>An address vector as a program wants it.</summary>
    public static IbvAhAttr Write(AddressHandleAttributes attributes) => new()
    {
        Grh = new IbvGlobalRoute
        {
            Dgid = ToGid(attributes.DestinationAddress),
            FlowLabel = attributes.FlowLabel,
            SgidIndex = attributes.SourceGidIndex,
            HopLimit = attributes.HopLimit,
            TrafficClass = attributes.TrafficClass,
        },
        Sl = attributes.ServiceLevel,
        IsGlobal = 1,
        PortNum = attributes.Port,
    };
}
