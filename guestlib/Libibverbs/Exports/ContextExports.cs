using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs.Exports;

/// <summary>What can be asked of a device, and its asynchronous events.</summary>
internal static unsafe class ContextExports
{
    private const byte LinkLayerEthernet = 2;
    private const byte GlobalRouteRequired = 1;
    private const uint GidTypeRoceV2 = 2;

    // The numbers of ibv_query_gid_type differ: 1 is RoCE v2 and 0 all others.
    private const uint OldGidTypeRoceV2 = 1;
    private const int AtomicsOfDevice = 1;

    /// <summary>ENODATA: the entry is empty.</summary>
    private const int NoData = 61;

    /// <summary><c>ibv_query_device(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_query_device")]
    public static int QueryDevice(IbvContext* context, IbvDeviceAttr* into) =>
        Edge.Number(() => Write(OpenContext.Of(context).Rdma.QueryDevice(), into));

    /// <summary><c>ibv_query_device_ex(3)</c>; writes as much as the caller knows of.</summary>
    [UnmanagedCallersOnly]
    public static int QueryDeviceEx(IbvContext* context, void* input, IbvDeviceAttrEx* into, nuint bytes) => Edge.Number(() =>
    {
        if ((input != null && *(uint*)input != 0) || bytes < (nuint)sizeof(IbvDeviceAttr))
        {
            return Errno.Invalid;
        }

        var attributes = new IbvDeviceAttrEx { PhysPortCntEx = 1 };
        Write(OpenContext.Of(context).Rdma.QueryDevice(), &attributes.OrigAttr);
        attributes.DeviceCapFlagsEx = attributes.OrigAttr.DeviceCapFlags;
        nuint known = Math.Min(bytes, (nuint)sizeof(IbvDeviceAttrEx));
        NativeMemory.Clear(into, bytes);
        NativeMemory.Copy(&attributes, into, known);
        return 0;
    });

    /// <summary><c>ibv_query_port(3)</c> as the symbol: the structure of old programs ends before its last field.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_query_port")]
    public static int QueryPort(IbvContext* context, byte port, IbvPortAttr* into) => QueryPortInto(context, port, into, OldPortAttrBytes);

    /// <summary><c>ibv_query_port(3)</c> as <c>verbs.h</c> calls it.</summary>
    [UnmanagedCallersOnly]
    public static int QueryPortWithLength(IbvContext* context, byte port, IbvPortAttr* into, nuint bytes) => QueryPortInto(context, port, into, bytes);

    private const int OldPortAttrBytes = 48;

    private static int QueryPortInto(IbvContext* context, byte port, IbvPortAttr* into, nuint bytes) => Edge.Number(() =>
    {
        PortAttributes attributes = OpenContext.Of(context).Rdma.QueryPort(port);
        var native = new IbvPortAttr
        {
            State = (int)attributes.State,
            MaxMtu = MtuCode.Of(attributes.MaxMtuBytes),
            ActiveMtu = MtuCode.Of(attributes.ActiveMtuBytes),
            GidTblLen = attributes.GidTableLength,
            PortCapFlags = attributes.CapabilityFlags,
            MaxMsgSz = attributes.MaxMessageBytes,
            PkeyTblLen = (ushort)attributes.PartitionKeyTableLength,
            MaxVlNum = 1,
            ActiveWidth = (byte)attributes.ActiveWidth,
            ActiveSpeed = (byte)attributes.ActiveSpeed,
            PhysState = (byte)attributes.PhysicalState,
            LinkLayer = LinkLayerEthernet,
            Flags = GlobalRouteRequired,
        };
        NativeMemory.Copy(&native, into, Math.Min(bytes, (nuint)sizeof(IbvPortAttr)));
    });

    /// <summary><c>ibv_query_gid(3)</c>: 0 or -1; an entry of the table that is empty is all zeroes.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_query_gid")]
    public static int QueryGid(IbvContext* context, byte port, int index, IbvGid* into) => Edge.MinusOne(() =>
    {
        IPAddress? address = AddressAt(context, port, index);
        *into = default;
        if (address is not null)
        {
            *into = Addresses.ToGid(address);
        }
    });

    /// <summary>The kind of a GID, 0 or -1.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_query_gid_type")]
    public static int QueryGidType(IbvContext* context, byte port, uint index, uint* type) =>
        Edge.MinusOne(() => *type = AddressAt(context, port, (int)Math.Min(index, int.MaxValue)) is null ? 0 : OldGidTypeRoceV2);

    /// <summary><c>ibv_query_gid_ex(3)</c>: 0 or the error number; ENODATA for an empty entry.</summary>
    [UnmanagedCallersOnly(EntryPoint = "_ibv_query_gid_ex")]
    public static int QueryGidEx(IbvContext* context, uint port, uint index, IbvGidEntry* into, uint flags, nuint bytes) => Edge.Number(() =>
    {
        if (flags != 0)
        {
            return Errno.NotSupported;
        }

        if (AddressAt(context, (int)Math.Min(port, byte.MaxValue), (int)Math.Min(index, int.MaxValue)) is not { } address)
        {
            return NoData;
        }

        IbvGidEntry entry = EntryOf(address);
        NativeMemory.Copy(&entry, into, Math.Min(bytes, (nuint)sizeof(IbvGidEntry)));
        return 0;
    });

    /// <summary><c>ibv_query_gid_table(3)</c>: how many entries were written, or a negative error number.</summary>
    [UnmanagedCallersOnly(EntryPoint = "_ibv_query_gid_table")]
    public static nint QueryGidTable(IbvContext* context, IbvGidEntry* into, nuint most, uint flags, nuint bytes)
    {
        try
        {
            if (flags != 0)
            {
                return -Errno.NotSupported;
            }

            if (most == 0)
            {
                return -Errno.Invalid;
            }

            IbvGidEntry entry = EntryOf(OpenContext.Of(context).Rdma.Address);
            NativeMemory.Copy(&entry, into, Math.Min(bytes, (nuint)sizeof(IbvGidEntry)));
            return 1;
        }
        catch (Exception e)
        {
            return -Failure.Of(e);
        }
    }

    /// <summary><c>ibv_query_pkey(3)</c>: 0 or -1; in network byte order.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_query_pkey")]
    public static int QueryPkey(IbvContext* context, byte port, int index, ushort* into) => Edge.MinusOne(() =>
    {
        *into = BinaryPrimitives.ReverseEndianness(OpenContext.Of(context).Rdma.QueryPartitionKey(index, port));
    });

    /// <summary><c>ibv_get_pkey_index(3)</c>: the index or -1.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_get_pkey_index")]
    public static int GetPkeyIndex(IbvContext* context, byte port, ushort key) => Edge.MinusOne(() =>
    {
        ushort only = BinaryPrimitives.ReverseEndianness(OpenContext.Of(context).Rdma.QueryPartitionKey(0, port));
        return key == only ? 0 : Failure.MinusOne(Errno.Invalid);
    });

    /// <summary><c>ibv_get_async_event(3)</c>: 0, or -1 with errno; EAGAIN when there is none and <c>async_fd</c> does not block.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_get_async_event")]
    public static int GetAsyncEvent(IbvContext* context, IbvAsyncEvent* into) => Edge.MinusOne(() =>
    {
        int errno = OpenContext.Of(context).TakeEvent(into);
        return errno == 0 ? 0 : Failure.MinusOne(errno);
    });

    /// <summary><c>ibv_ack_async_event(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_ack_async_event")]
    public static void AckAsyncEvent(IbvAsyncEvent* asyncEvent)
    {
        try
        {
            AccountOf(asyncEvent)?.Acknowledge(1);
        }
        catch (Exception e)
        {
            _ = Failure.Of(e);
        }
    }

    private static EventAccount? AccountOf(IbvAsyncEvent* asyncEvent) => (AsyncEventType)asyncEvent->EventType switch
    {
        AsyncEventType.CompletionQueueError => OpenCompletionQueue.Of((IbvCq*)asyncEvent->Element).AsyncEvents,
        AsyncEventType.SharedReceiveQueueError or AsyncEventType.SharedReceiveQueueLimitReached =>
            OpenSharedReceiveQueue.Of((IbvSrq*)asyncEvent->Element).AsyncEvents,
        AsyncEventType.QueuePairFatal or AsyncEventType.QueuePairRequestError or AsyncEventType.QueuePairAccessError
            or AsyncEventType.CommunicationEstablished or AsyncEventType.SendQueueDrained or AsyncEventType.PathMigrated
            or AsyncEventType.PathMigrationError or AsyncEventType.LastWorkRequestReached => OpenQueuePair.Of((IbvQp*)asyncEvent->Element).AsyncEvents,
        _ => null,
    };

    private static IPAddress? AddressAt(IbvContext* context, int port, int index)
    {
        RdmaContext rdma = OpenContext.Of(context).Rdma;
        return port != 1 || index < 0 || index >= rdma.QueryDevice().GidTableLength
            ? throw new VerbsException(Errno.Invalid, $"port {port} has no GID {index}")
            : index == 0 ? rdma.Address : null;
    }

    private static IbvGidEntry EntryOf(IPAddress address) => new() { Gid = Addresses.ToGid(address), PortNum = 1, GidType = GidTypeRoceV2 };

    private static void Write(DeviceAttributes attributes, IbvDeviceAttr* into)
    {
        *into = new IbvDeviceAttr
        {
            NodeGuid = BinaryPrimitives.ReverseEndianness(attributes.NodeGuid),
            SysImageGuid = BinaryPrimitives.ReverseEndianness(attributes.SystemImageGuid),
            MaxMrSize = attributes.MaxMemoryRegionBytes,
            PageSizeCap = attributes.PageSizeMask,
            VendorId = attributes.VendorId,
            VendorPartId = attributes.VendorPartId,
            HwVer = attributes.HardwareVersion,
            MaxQp = attributes.MaxQueuePairs,
            MaxQpWr = attributes.MaxWorkRequests,
            DeviceCapFlags = attributes.CapabilityFlags,
            MaxSge = attributes.MaxSges,
            MaxSgeRd = attributes.MaxReadSges,
            MaxCq = attributes.MaxCompletionQueues,
            MaxCqe = attributes.MaxCompletionEntries,
            MaxMr = attributes.MaxMemoryRegions,
            MaxPd = attributes.MaxProtectionDomains,
            MaxQpRdAtom = attributes.MaxDestinationRdAtomic,
            MaxResRdAtom = attributes.MaxResponderResources,
            MaxQpInitRdAtom = attributes.MaxRdAtomic,
            AtomicCap = attributes.HasAtomics ? AtomicsOfDevice : 0,
            MaxMw = attributes.MaxMemoryWindows,
            MaxMcastGrp = attributes.MaxMulticastGroups,
            MaxMcastQpAttach = attributes.MaxMulticastQueuePairs,
            MaxTotalMcastQpAttach = attributes.MaxMulticastAttachments,
            MaxAh = attributes.MaxAddressHandles,
            MaxSrq = attributes.MaxSharedReceiveQueues,
            MaxSrqWr = attributes.MaxSharedReceiveRequests,
            MaxSrqSge = attributes.MaxSharedReceiveSges,
            MaxPkeys = (ushort)attributes.MaxPartitionKeys,
            LocalCaAckDelay = (byte)attributes.LocalAckDelay,
            PhysPortCnt = (byte)attributes.PortCount,
        };
        string version = $"{attributes.FirmwareVersion >> 32}.{attributes.FirmwareVersion >> 16 & 0xFFFF}.{attributes.FirmwareVersion & 0xFFFF}";
        _ = Encoding.ASCII.GetBytes(version, (Span<byte>)into->FwVer);
    }
}
