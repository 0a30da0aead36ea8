using System.Runtime.InteropServices;

namespace RoceEngine.Abi;

/// <summary>Pages of a device ring: a directory of <see cref="PageCount"/> pages, the first of which holds the <see cref="PvrdmaRingState"/>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct PvrdmaRingPageInfo
{
    /// <summary>Pages, the header page included.</summary>
    [FieldOffset(0)] public uint PageCount;

    /// <summary>Guest physical address of the page directory.</summary>
    [FieldOffset(8)] public ulong DirectoryAddress;
}

/// <summary>The device shared region: the guest tells where its rings and slots are, the device what it can do.</summary>
[StructLayout(LayoutKind.Explicit, Size = 280)]
public struct PvrdmaDeviceSharedRegion
{
    [FieldOffset(0)] public uint DriverVersion;

    /// <summary>Bits 0-1 word size, 2-5 system, 6-21 version, 22-31 other.</summary>
    [FieldOffset(8)] public uint GuestSystem;

    /// <summary>Guest physical address of the command slot, one page.</summary>
    [FieldOffset(16)] public ulong CommandSlotAddress;

    /// <summary>Guest physical address of the response slot, one page.</summary>
    [FieldOffset(24)] public ulong ResponseSlotAddress;

    [FieldOffset(32)] public PvrdmaRingPageInfo AsyncRing;
    [FieldOffset(48)] public PvrdmaRingPageInfo NotificationRing;

    /// <summary>Page frame number of the driver's own UAR page.</summary>
    [FieldOffset(64)] public ulong UarPageFrame;

    /// <summary>Written by the device.</summary>
    [FieldOffset(72)] public PvrdmaDeviceCaps Caps;
}

/// <summary>What the device can do. Names as in <c>struct ibv_device_attr</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 208)]
public struct PvrdmaDeviceCaps
{
    [FieldOffset(0)] public ulong FirmwareVersion;

    /// <summary>In network order in memory.</summary>
    [FieldOffset(8)] public ulong NodeGuid;

    /// <summary>In network order in memory.</summary>
    [FieldOffset(16)] public ulong SystemImageGuid;

    [FieldOffset(24)] public ulong MaxMrBytes;

    /// <summary>Bit n set: pages of 2^n bytes are supported.</summary>
    [FieldOffset(32)] public ulong PageSizes;

    [FieldOffset(40)] public ulong AtomicArgumentSizes;
    [FieldOffset(48)] public uint ExtendedMask;
    [FieldOffset(52)] public uint DeviceFlags2;
    [FieldOffset(56)] public uint MaxFetchAddBitBoundary;
    [FieldOffset(60)] public uint LogMaxAtomicInlineArgument;
    [FieldOffset(64)] public uint VendorId;
    [FieldOffset(68)] public uint VendorPartId;
    [FieldOffset(72)] public uint HardwareVersion;
    [FieldOffset(76)] public uint MaxQp;
    [FieldOffset(80)] public uint MaxQpWr;
    [FieldOffset(84)] public uint DeviceFlags;
    [FieldOffset(88)] public uint MaxSge;
    [FieldOffset(92)] public uint MaxSgeRead;
    [FieldOffset(96)] public uint MaxCq;
    [FieldOffset(100)] public uint MaxCqe;
    [FieldOffset(104)] public uint MaxMr;
    [FieldOffset(108)] public uint MaxPd;
    [FieldOffset(112)] public uint MaxQpRdAtomic;
    [FieldOffset(116)] public uint MaxEeRdAtomic;
    [FieldOffset(120)] public uint MaxResponderRdAtomic;
    [FieldOffset(124)] public uint MaxQpInitiatorRdAtomic;
    [FieldOffset(128)] public uint MaxEeInitiatorRdAtomic;
    [FieldOffset(132)] public uint MaxEe;
    [FieldOffset(136)] public uint MaxRdd;
    [FieldOffset(140)] public uint MaxMw;
    [FieldOffset(144)] public uint MaxRawIpv6Qp;
    [FieldOffset(148)] public uint MaxRawEthernetQp;
    [FieldOffset(152)] public uint MaxMulticastGroups;
    [FieldOffset(156)] public uint MaxMulticastQpAttach;
    [FieldOffset(160)] public uint MaxTotalMulticastQpAttach;
    [FieldOffset(164)] public uint MaxAh;
    [FieldOffset(168)] public uint MaxFmr;
    [FieldOffset(172)] public uint MaxMapPerFmr;
    [FieldOffset(176)] public uint MaxSrq;
    [FieldOffset(180)] public uint MaxSrqWr;
    [FieldOffset(184)] public uint MaxSrqSge;
    [FieldOffset(188)] public uint MaxUar;
    [FieldOffset(192)] public uint GidTableLength;
    [FieldOffset(196)] public ushort MaxPkeys;
    [FieldOffset(198)] public byte LocalAckDelay;
    [FieldOffset(199)] public byte PortCount;

    /// <summary>0 is RoCE.</summary>
    [FieldOffset(200)] public byte Mode;

    /// <summary>Bit 0 compare-and-swap, bit 1 fetch-and-add.</summary>
    [FieldOffset(201)] public byte AtomicOperations;

    /// <summary>Bit 0 local invalidate, bit 1 remote invalidate, bit 2 fast registration.</summary>
    [FieldOffset(202)] public byte MemoryManagementFlags;

    /// <summary>Bit 0 RoCEv1, bit 1 RoCEv2.</summary>
    [FieldOffset(203)] public byte GidTypes;

    [FieldOffset(204)] public uint MaxFastRegisterPages;
}
