using System.Buffers.Binary;
using System.Net;
using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <content>What can be asked of a device.</content>
public sealed partial class RdmaContext
{
    /// <summary>What the device is and can hold. <c>ibv_query_device</c>.</summary>
    public DeviceAttributes QueryDevice()
    {
        lock (Driver.CommandLock)
        {
            ThrowIfClosed();
            ref readonly PvrdmaDeviceCaps caps = ref Driver.Caps;
            return new DeviceAttributes
            {
                FirmwareVersion = caps.FirmwareVersion,
                NodeGuid = BinaryPrimitives.ReverseEndianness(caps.NodeGuid),
                SystemImageGuid = BinaryPrimitives.ReverseEndianness(caps.SystemImageGuid),
                MaxMemoryRegionBytes = caps.MaxMrBytes,
                PageSizeMask = caps.PageSizes,
                VendorId = caps.VendorId,
                VendorPartId = caps.VendorPartId,
                HardwareVersion = caps.HardwareVersion,
                MaxQueuePairs = (int)caps.MaxQp,
                MaxWorkRequests = (int)caps.MaxQpWr,
                CapabilityFlags = caps.DeviceFlags,
                MaxSges = (int)caps.MaxSge,
                MaxReadSges = (int)caps.MaxSgeRead,
                MaxCompletionQueues = (int)caps.MaxCq,
                MaxCompletionEntries = (int)caps.MaxCqe,
                MaxMemoryRegions = (int)caps.MaxMr,
                MaxProtectionDomains = (int)caps.MaxPd,
                MaxDestinationRdAtomic = (int)caps.MaxQpRdAtomic,
                MaxRdAtomic = (int)caps.MaxQpInitiatorRdAtomic,
                MaxResponderResources = (int)caps.MaxResponderRdAtomic,
                MaxMemoryWindows = (int)caps.MaxMw,
                MaxAddressHandles = (int)caps.MaxAh,
                MaxSharedReceiveQueues = (int)caps.MaxSrq,
                MaxSharedReceiveRequests = (int)caps.MaxSrqWr,
                MaxSharedReceiveSges = (int)caps.MaxSrqSge,
                MaxPartitionKeys = caps.MaxPkeys,
                GidTableLength = (int)caps.GidTableLength,
                PortCount = caps.PortCount,
                LocalAckDelay = caps.LocalAckDelay,
                HasAtomics = (caps.AtomicOperations & 3) == 3,
                MaxFastRegisterPages = (int)caps.MaxFastRegisterPages,
                HasLocalInvalidate = (caps.MemoryManagementFlags & 1) != 0,
                HasRemoteInvalidate = (caps.MemoryManagementFlags & 2) != 0,
                MaxMulticastGroups = (int)caps.MaxMulticastGroups,
                MaxMulticastQueuePairs = (int)caps.MaxMulticastQpAttach,
                MaxMulticastAttachments = (int)caps.MaxTotalMulticastQpAttach,
                HasUnreliableConnections = (Driver.Extension & ExtensionBits.UnreliableConnection) != 0,
                HasExtendedVerbs = (Driver.Extension & ExtensionBits.ExtendedVerbs) != 0,
                MaxInlineBytes = (int)Driver.InlineBytesMax,
            };
        }
    }

    /// <summary>State and limits of a port. <c>ibv_query_port</c>.</summary>
    /// <param name="port">1.</param>
    /// <exception cref="VerbsException">EINVAL: there is no such port.</exception>
    public PortAttributes QueryPort(int port = 1)
    {
        if (port is < 1 or > byte.MaxValue)
        {
            throw new VerbsException(Errno.Invalid, $"there is no port {port}");
        }

        PvrdmaPortAttributes attributes = Driver.Execute<PvrdmaQueryPort, PvrdmaQueryPortResponse>(
            PvrdmaCommand.QueryPort, new PvrdmaQueryPort { Port = (byte)port }, "ibv_query_port").Attributes;
        return new PortAttributes
        {
            State = (PortState)attributes.State,
            MaxMtuBytes = PathMtu.Decode(attributes.MaxMtu),
            ActiveMtuBytes = PathMtu.Decode(attributes.ActiveMtu),
            GidTableLength = (int)attributes.GidTableLength,
            CapabilityFlags = attributes.CapabilityFlags,
            MaxMessageBytes = attributes.MaxMessageBytes,
            PartitionKeyTableLength = attributes.PkeyTableLength,
            Lid = attributes.Lid,
            ActiveWidth = attributes.ActiveWidth,
            ActiveSpeed = attributes.ActiveSpeed,
            PhysicalState = attributes.PhysicalState,
        };
    }

    /// <summary>An entry of the GID table, as an IP address (a mapped GID is IPv4). <c>ibv_query_gid</c>.</summary>
    /// <param name="index">0: a device has the one address that its host gave it.</param>
    /// <exception cref="VerbsException">EINVAL: no GID has that index.</exception>
    public IPAddress QueryGid(int index = 0)
    {
        ThrowIfClosed();
        return index == 0 ? Address : throw new VerbsException(Errno.Invalid, $"no GID has index {index}");
    }

    /// <summary>An entry of the partition key table. <c>ibv_query_pkey</c>.</summary>
    /// <param name="index">0.</param>
    /// <param name="port">1.</param>
    /// <exception cref="VerbsException">EINVAL: no key has that index.</exception>
    public ushort QueryPartitionKey(int index = 0, int port = 1)
    {
        if (index is < 0 or > byte.MaxValue || port is < 1 or > byte.MaxValue)
        {
            throw new VerbsException(Errno.Invalid, $"port {port} has no partition key {index}");
        }

        return Driver.Execute<PvrdmaQueryPkey, PvrdmaQueryPkeyResponse>(
            PvrdmaCommand.QueryPkey, new PvrdmaQueryPkey { Port = (byte)port, Index = (byte)index }, "ibv_query_pkey").Pkey;
    }
}
