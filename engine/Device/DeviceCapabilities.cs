using RoceEngine.Abi;

namespace RoceEngine.Device;

/// <summary>What a device says that it can do.</summary>
internal static class DeviceCapabilities
{
    private const uint VendorId = 0x15AD;
    private const uint PartId = 0x0820;

    // IBV_DEVICE_BAD_PKEY_CNTR, PORT_ACTIVE_EVENT, SYS_IMAGE_GUID, RC_RNR_NAK_GEN.
    private const uint DeviceFlags = (1 << 1) | (1 << 10) | (1 << 11) | (1 << 12);

    // IBV_DEVICE_MEM_MGT_EXTENSIONS: local and remote invalidation, fast registration.
    private const uint MemoryManagementFlag = 1 << 21;

    // IBV_DEVICE_MEM_WINDOW, MEM_WINDOW_TYPE_2B.
    private const uint WindowFlags = (1 << 17) | (1 << 24);

    // Compare-and-swap, fetch-and-add, and both under masks.
    private const byte AtomicOperations = 0b1111;

    // Local invalidate, remote invalidate, fast registration.
    private const byte MemoryManagement = 0b111;

    private const int LogAtomicBytes = 3;

    /// <summary>What a driver with these extension bits can use: a stock driver is promised nothing that it cannot ask for.</summary>
    public static PvrdmaDeviceCaps Of(DeviceOptions options, ExtensionBits extension)
    {
        DeviceLimits limits = options.Limits;
        bool hasWindows = (extension & ExtensionBits.MemoryWindows) != 0;
        bool hasMulticast = (extension & ExtensionBits.ExtendedVerbs) != 0;
        ulong guid = DeviceIdentity.NodeGuidOf(options.Gid);
        return new PvrdmaDeviceCaps
        {
            FirmwareVersion = 1ul << 32,
            NodeGuid = guid,
            SystemImageGuid = guid,
            MaxMrBytes = (ulong)limits.BytesPerMemoryRegion,
            PageSizes = PvrdmaPageDirectory.PageBytes,
            VendorId = VendorId,
            VendorPartId = PartId,
            HardwareVersion = 1,
            MaxQp = (uint)limits.QueuePairs,
            MaxQpWr = (uint)limits.WorkRequestsPerQueue,
            DeviceFlags = DeviceFlags | MemoryManagementFlag | (hasWindows ? WindowFlags : 0),
            AtomicArgumentSizes = 1ul << LogAtomicBytes,
            MaxFetchAddBitBoundary = 64,
            LogMaxAtomicInlineArgument = LogAtomicBytes,
            MaxSge = (uint)limits.SgesPerWorkRequest,
            MaxSgeRead = (uint)limits.SgesPerWorkRequest,
            MaxCq = (uint)limits.CompletionQueues,
            MaxCqe = (uint)limits.EntriesPerCompletionQueue,
            MaxMr = (uint)limits.MemoryRegions,
            MaxPd = (uint)limits.ProtectionDomains,
            MaxQpRdAtomic = (uint)limits.RdAtomicPerQueuePair,
            MaxResponderRdAtomic = (uint)Math.Min((long)limits.RdAtomicPerQueuePair * limits.QueuePairs, uint.MaxValue),
            MaxQpInitiatorRdAtomic = (uint)limits.RdAtomicPerQueuePair,
            MaxMw = hasWindows ? (uint)limits.MemoryWindows : 0,
            MaxMulticastGroups = hasMulticast ? (uint)limits.MulticastGroups : 0,
            MaxMulticastQpAttach = hasMulticast ? (uint)limits.QueuePairsPerMulticastGroup : 0,
            MaxTotalMulticastQpAttach = hasMulticast ? (uint)Math.Min((long)limits.MulticastGroups * limits.QueuePairsPerMulticastGroup, uint.MaxValue) : 0,
            MaxAh = (uint)limits.QueuePairs,
            MaxSrq = (uint)limits.SharedReceiveQueues,
            MaxSrqWr = (uint)limits.WorkRequestsPerQueue,
            MaxSrqSge = (uint)limits.SgesPerWorkRequest,
            MaxUar = (uint)limits.UserContexts,
            GidTableLength = (uint)limits.Gids,
            MaxPkeys = 1,
            LocalAckDelay = 15,
            PortCount = 1,
            AtomicOperations = AtomicOperations,
            MemoryManagementFlags = MemoryManagement,
            MaxFastRegisterPages = PvrdmaPageDirectory.FastRegisterPagesMax,

            // RoCEv2 alone: the driver takes exactly one kind.
            GidTypes = 2,
        };
    }
}
