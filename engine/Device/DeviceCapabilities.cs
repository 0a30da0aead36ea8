using RoceEngine.Abi;

namespace RoceEngine.Device;

/// <summary>What a device says that it can do.</summary>
internal static class DeviceCapabilities
{
    private const uint VendorId = 0x15AD;
    private const uint PartId = 0x0820;

    // IBV_DEVICE_BAD_PKEY_CNTR, PORT_ACTIVE_EVENT, SYS_IMAGE_GUID, RC_RNR_NAK_GEN.
    private const uint DeviceFlags = (1 << 1) | (1 << 10) | (1 << 11) | (1 << 12);

    public static PvrdmaDeviceCaps Of(DeviceOptions options)
    {
        DeviceLimits limits = options.Limits;
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
            DeviceFlags = DeviceFlags,
            MaxSge = (uint)limits.SgesPerWorkRequest,
            MaxSgeRead = (uint)limits.SgesPerWorkRequest,
            MaxCq = (uint)limits.CompletionQueues,
            MaxCqe = (uint)limits.EntriesPerCompletionQueue,
            MaxMr = (uint)limits.MemoryRegions,
            MaxPd = (uint)limits.ProtectionDomains,
            MaxQpRdAtomic = (uint)limits.RdAtomicPerQueuePair,
            MaxResponderRdAtomic = (uint)Math.Min((long)limits.RdAtomicPerQueuePair * limits.QueuePairs, uint.MaxValue),
            MaxQpInitiatorRdAtomic = (uint)limits.RdAtomicPerQueuePair,
            MaxAh = (uint)limits.QueuePairs,
            MaxUar = (uint)limits.UserContexts,
            GidTableLength = (uint)limits.Gids,
            MaxPkeys = 1,
            LocalAckDelay = 15,
            PortCount = 1,

            // Compare-and-swap and fetch-and-add.
            AtomicOperations = 3,

            // RoCEv2 alone: the driver takes exactly one kind.
            GidTypes = 2,
        };
    }
}
