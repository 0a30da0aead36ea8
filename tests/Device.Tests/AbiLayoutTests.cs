using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace Device.Tests;

/// <summary>Sizes and offsets as a C compiler gives them for the public headers of the device's ABI.</summary>
public sealed class AbiLayoutTests
{
    public static TheoryData<Type, int> Sizes => new()
    {
        { typeof(PvrdmaDeviceCaps), 208 },
        { typeof(PvrdmaRingPageInfo), 16 },
        { typeof(PvrdmaDeviceSharedRegion), 280 },
        { typeof(PvrdmaEventEntry), 8 },
        { typeof(PvrdmaNotificationEntry), 4 },
        { typeof(PvrdmaCommandHeader), 16 },
        { typeof(PvrdmaResponseHeader), 16 },
        { typeof(PvrdmaQueryPort), 24 },
        { typeof(PvrdmaQueryPortResponse), 64 },
        { typeof(PvrdmaQueryPkey), 24 },
        { typeof(PvrdmaQueryPkeyResponse), 24 },
        { typeof(PvrdmaCreateUc), 24 },
        { typeof(PvrdmaHandleResponse), 24 },
        { typeof(PvrdmaHandleCommand), 24 },
        { typeof(PvrdmaNextObject), 24 },
        { typeof(PvrdmaNextObjectResponse), 128 },
        { typeof(GuestLedgerHead), 64 },
        { typeof(GuestLedgerEntry), 64 },
        { typeof(PvrdmaCreateMr), 56 },
        { typeof(PvrdmaCreateMrResponse), 32 },
        { typeof(PvrdmaCreateCq), 40 },
        { typeof(PvrdmaCreateCqResponse), 24 },
        { typeof(PvrdmaResizeCq), 24 },
        { typeof(PvrdmaCreateSrq), 56 },
        { typeof(PvrdmaModifySrq), 40 },
        { typeof(PvrdmaQuerySrqResponse), 32 },
        { typeof(PvrdmaCreateQp), 80 },
        { typeof(PvrdmaCreateQpResponse), 48 },
        { typeof(PvrdmaModifyQp), 184 },
        { typeof(PvrdmaQueryQp), 24 },
        { typeof(PvrdmaQueryQpResponse), 176 },
        { typeof(PvrdmaCreateBind), 48 },
        { typeof(PvrdmaDestroyBind), 40 },
        { typeof(PvrdmaPortAttributes), 48 },
        { typeof(PvrdmaGlobalRoute), 24 },
        { typeof(PvrdmaAhAttributes), 40 },
        { typeof(PvrdmaQpCapabilities), 24 },
        { typeof(PvrdmaSrqAttributes), 16 },
        { typeof(PvrdmaQpAttributes), 160 },
        { typeof(PvrdmaRing), 8 },
        { typeof(PvrdmaRingState), 16 },
        { typeof(PvrdmaAddressVector), 40 },
        { typeof(PvrdmaSge), 16 },
        { typeof(PvrdmaReceiveWqe), 16 },
        { typeof(PvrdmaSendWqe), 80 },
        { typeof(PvrdmaCqe), 64 },
        { typeof(CompletionQueuePage), 4096 },
        { typeof(GuestControlPage), 4096 },
        { typeof(DeviceControlPage), 4096 },
        { typeof(PvrdmaGid), 16 },
        { typeof(PvrdmaMac), 6 },
    };

    public static TheoryData<Type, string, int> Offsets => new()
    {
        { typeof(PvrdmaDeviceSharedRegion), nameof(PvrdmaDeviceSharedRegion.DriverVersion), 0 },
        { typeof(PvrdmaDeviceSharedRegion), nameof(PvrdmaDeviceSharedRegion.GuestSystem), 8 },
        { typeof(PvrdmaDeviceSharedRegion), nameof(PvrdmaDeviceSharedRegion.CommandSlotAddress), 16 },
        { typeof(PvrdmaDeviceSharedRegion), nameof(PvrdmaDeviceSharedRegion.ResponseSlotAddress), 24 },
        { typeof(PvrdmaDeviceSharedRegion), nameof(PvrdmaDeviceSharedRegion.AsyncRing), 32 },
        { typeof(PvrdmaDeviceSharedRegion), nameof(PvrdmaDeviceSharedRegion.NotificationRing), 48 },
        { typeof(PvrdmaDeviceSharedRegion), nameof(PvrdmaDeviceSharedRegion.UarPageFrame), 64 },
        { typeof(PvrdmaDeviceSharedRegion), nameof(PvrdmaDeviceSharedRegion.Caps), 72 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.FirmwareVersion), 0 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.NodeGuid), 8 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.SystemImageGuid), 16 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxMrBytes), 24 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.PageSizes), 32 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.AtomicArgumentSizes), 40 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.ExtendedMask), 48 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.DeviceFlags2), 52 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxFetchAddBitBoundary), 56 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.LogMaxAtomicInlineArgument), 60 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.VendorId), 64 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.VendorPartId), 68 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.HardwareVersion), 72 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxQp), 76 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxQpWr), 80 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.DeviceFlags), 84 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxSge), 88 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxSgeRead), 92 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxCq), 96 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxCqe), 100 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxMr), 104 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxPd), 108 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxQpRdAtomic), 112 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxEeRdAtomic), 116 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxResponderRdAtomic), 120 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxQpInitiatorRdAtomic), 124 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxEeInitiatorRdAtomic), 128 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxEe), 132 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxRdd), 136 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxMw), 140 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxRawIpv6Qp), 144 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxRawEthernetQp), 148 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxMulticastGroups), 152 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxMulticastQpAttach), 156 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxTotalMulticastQpAttach), 160 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxAh), 164 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxFmr), 168 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxMapPerFmr), 172 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxSrq), 176 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxSrqWr), 180 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxSrqSge), 184 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxUar), 188 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.GidTableLength), 192 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxPkeys), 196 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.LocalAckDelay), 198 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.PortCount), 199 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.Mode), 200 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.AtomicOperations), 201 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MemoryManagementFlags), 202 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.GidTypes), 203 },
        { typeof(PvrdmaDeviceCaps), nameof(PvrdmaDeviceCaps.MaxFastRegisterPages), 204 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.DirectoryAddress), 16 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.PdHandle), 24 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.SendCqHandle), 28 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.ReceiveCqHandle), 32 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.SrqHandle), 36 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.MaxSendWr), 40 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.MaxReceiveWr), 44 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.MaxSendSge), 48 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.MaxReceiveSge), 52 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.MaxInlineBytes), 56 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.LocalKey), 60 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.Access), 64 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.TotalPageCount), 68 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.SendPageCount), 70 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.MaxAtomicArgument), 72 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.SignalAll), 74 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.QpType), 75 },
        { typeof(PvrdmaCreateQp), nameof(PvrdmaCreateQp.UsesSrq), 76 },
        { typeof(PvrdmaCreateQpResponse), nameof(PvrdmaCreateQpResponse.QpHandle), 20 },
        { typeof(PvrdmaModifyQp), nameof(PvrdmaModifyQp.Attributes), 24 },
        { typeof(PvrdmaModifySrq), nameof(PvrdmaModifySrq.Attributes), 24 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.State), 0 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.CurrentState), 4 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.PathMtu), 8 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.PathMigrationState), 12 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.Qkey), 16 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.ReceivePsn), 20 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.SendPsn), 24 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.DestinationQpn), 28 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.Access), 32 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.PkeyIndex), 36 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.AlternatePkeyIndex), 38 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.EnableDrainedNotify), 40 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.SendQueueDraining), 41 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.MaxRdAtomic), 42 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.MaxDestinationRdAtomic), 43 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.MinRnrTimer), 44 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.Port), 45 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.Timeout), 46 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.RetryCount), 47 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.RnrRetry), 48 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.AlternatePort), 49 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.AlternateTimeout), 50 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.Capabilities), 56 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.AddressHandle), 80 },
        { typeof(PvrdmaQpAttributes), nameof(PvrdmaQpAttributes.AlternateAddressHandle), 120 },
        { typeof(PvrdmaAhAttributes), nameof(PvrdmaAhAttributes.GlobalRoute), 0 },
        { typeof(PvrdmaAhAttributes), nameof(PvrdmaAhAttributes.DestinationLid), 24 },
        { typeof(PvrdmaAhAttributes), nameof(PvrdmaAhAttributes.Vlan), 26 },
        { typeof(PvrdmaAhAttributes), nameof(PvrdmaAhAttributes.ServiceLevel), 28 },
        { typeof(PvrdmaAhAttributes), nameof(PvrdmaAhAttributes.SourcePathBits), 29 },
        { typeof(PvrdmaAhAttributes), nameof(PvrdmaAhAttributes.StaticRate), 30 },
        { typeof(PvrdmaAhAttributes), nameof(PvrdmaAhAttributes.Flags), 31 },
        { typeof(PvrdmaAhAttributes), nameof(PvrdmaAhAttributes.Port), 32 },
        { typeof(PvrdmaAhAttributes), nameof(PvrdmaAhAttributes.DestinationMac), 33 },
        { typeof(PvrdmaGlobalRoute), nameof(PvrdmaGlobalRoute.DestinationGid), 0 },
        { typeof(PvrdmaGlobalRoute), nameof(PvrdmaGlobalRoute.FlowLabel), 16 },
        { typeof(PvrdmaGlobalRoute), nameof(PvrdmaGlobalRoute.SourceGidIndex), 20 },
        { typeof(PvrdmaGlobalRoute), nameof(PvrdmaGlobalRoute.HopLimit), 21 },
        { typeof(PvrdmaGlobalRoute), nameof(PvrdmaGlobalRoute.TrafficClass), 22 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.State), 0 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.MaxMtu), 4 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.ActiveMtu), 8 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.GidTableLength), 12 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.CapabilityFlags), 16 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.MaxMessageBytes), 20 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.BadPkeyCount), 24 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.QkeyViolationCount), 28 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.PkeyTableLength), 32 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.Lid), 34 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.SubnetManagerLid), 36 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.LidMaskControl), 38 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.MaxVirtualLanes), 39 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.SubnetManagerServiceLevel), 40 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.SubnetTimeout), 41 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.InitTypeReply), 42 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.ActiveWidth), 43 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.ActiveSpeed), 44 },
        { typeof(PvrdmaPortAttributes), nameof(PvrdmaPortAttributes.PhysicalState), 45 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.WorkRequestId), 0 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.SgeCount), 8 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.TotalBytes), 12 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.Opcode), 16 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.Flags), 20 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.ImmediateOrKey), 24 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.RemoteAddress), 32 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.RdmaRemoteKey), 40 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.AtomicCompareOrAdd), 40 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.AtomicSwap), 48 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.AtomicRemoteKey), 56 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.FastRegisterIova), 32 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.FastRegisterDirectoryAddress), 40 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.FastRegisterPageShift), 48 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.FastRegisterPageCount), 52 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.FastRegisterLength), 56 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.FastRegisterAccess), 60 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.FastRegisterRemoteKey), 64 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.DatagramQpn), 32 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.DatagramQkey), 36 },
        { typeof(PvrdmaSendWqe), nameof(PvrdmaSendWqe.DatagramAddress), 40 },
        { typeof(PvrdmaAddressVector), nameof(PvrdmaAddressVector.PortAndPd), 0 },
        { typeof(PvrdmaAddressVector), nameof(PvrdmaAddressVector.ServiceLevelClassFlow), 4 },
        { typeof(PvrdmaAddressVector), nameof(PvrdmaAddressVector.DestinationGid), 8 },
        { typeof(PvrdmaAddressVector), nameof(PvrdmaAddressVector.SourcePathBits), 24 },
        { typeof(PvrdmaAddressVector), nameof(PvrdmaAddressVector.GidIndex), 25 },
        { typeof(PvrdmaAddressVector), nameof(PvrdmaAddressVector.StaticRate), 26 },
        { typeof(PvrdmaAddressVector), nameof(PvrdmaAddressVector.HopLimit), 27 },
        { typeof(PvrdmaAddressVector), nameof(PvrdmaAddressVector.DestinationMac), 28 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.WorkRequestId), 0 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.QpHandle), 8 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.Opcode), 16 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.Status), 20 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.ByteLength), 24 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.ImmediateOrKey), 28 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.SourceQpn), 32 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.Flags), 36 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.VendorError), 40 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.PkeyIndex), 44 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.SourceLid), 46 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.ServiceLevel), 48 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.DestinationPathBits), 49 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.Port), 50 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.SourceMac), 51 },
        { typeof(PvrdmaCqe), nameof(PvrdmaCqe.NetworkHeaderType), 57 },
        { typeof(PvrdmaCreateMr), nameof(PvrdmaCreateMr.Start), 16 },
        { typeof(PvrdmaCreateMr), nameof(PvrdmaCreateMr.Length), 24 },
        { typeof(PvrdmaCreateMr), nameof(PvrdmaCreateMr.DirectoryAddress), 32 },
        { typeof(PvrdmaCreateMr), nameof(PvrdmaCreateMr.PdHandle), 40 },
        { typeof(PvrdmaCreateMr), nameof(PvrdmaCreateMr.Access), 44 },
        { typeof(PvrdmaCreateMr), nameof(PvrdmaCreateMr.Flags), 48 },
        { typeof(PvrdmaCreateMr), nameof(PvrdmaCreateMr.PageCount), 52 },
        { typeof(PvrdmaCreateCq), nameof(PvrdmaCreateCq.DirectoryAddress), 16 },
        { typeof(PvrdmaCreateCq), nameof(PvrdmaCreateCq.ContextHandle), 24 },
        { typeof(PvrdmaCreateCq), nameof(PvrdmaCreateCq.EntryCount), 28 },
        { typeof(PvrdmaCreateCq), nameof(PvrdmaCreateCq.PageCount), 32 },
        { typeof(PvrdmaCreateSrq), nameof(PvrdmaCreateSrq.DirectoryAddress), 16 },
        { typeof(PvrdmaCreateSrq), nameof(PvrdmaCreateSrq.PdHandle), 24 },
        { typeof(PvrdmaCreateSrq), nameof(PvrdmaCreateSrq.PageCount), 28 },
        { typeof(PvrdmaCreateSrq), nameof(PvrdmaCreateSrq.Attributes), 32 },
        { typeof(PvrdmaCreateSrq), nameof(PvrdmaCreateSrq.SrqType), 48 },
        { typeof(PvrdmaCreateBind), nameof(PvrdmaCreateBind.Mtu), 16 },
        { typeof(PvrdmaCreateBind), nameof(PvrdmaCreateBind.Vlan), 20 },
        { typeof(PvrdmaCreateBind), nameof(PvrdmaCreateBind.Index), 24 },
        { typeof(PvrdmaCreateBind), nameof(PvrdmaCreateBind.Gid), 28 },
        { typeof(PvrdmaCreateBind), nameof(PvrdmaCreateBind.GidType), 44 },
        { typeof(PvrdmaDestroyBind), nameof(PvrdmaDestroyBind.Index), 16 },
        { typeof(PvrdmaDestroyBind), nameof(PvrdmaDestroyBind.Gid), 20 },
        { typeof(CompletionQueuePage), nameof(CompletionQueuePage.ArmWord), 128 },
        { typeof(GuestControlPage), nameof(GuestControlPage.MailboxOffset), 0 },
        { typeof(GuestControlPage), nameof(GuestControlPage.MailboxValue), 4 },
        { typeof(GuestControlPage), nameof(GuestControlPage.MailboxSequence), 8 },
        { typeof(DeviceControlPage), nameof(DeviceControlPage.NeedWakeup), 0 },
        { typeof(DeviceControlPage), nameof(DeviceControlPage.MailboxAcknowledged), 0x80 },
        { typeof(DeviceControlPage), nameof(DeviceControlPage.DeviceState), 0x100 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_structure_is_as_large_as_in_c(Type type, int bytes)
    {
        MethodInfo sizeOf = typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type);
        Assert.Equal(bytes, (int)sizeOf.Invoke(null, null)!);
    }

    [Theory]
    [MemberData(nameof(Offsets))]
    public void A_field_is_where_it_is_in_c(Type type, string field, int offset) =>
        Assert.Equal(offset, type.GetField(field)!.GetCustomAttribute<FieldOffsetAttribute>()!.Value);

    [Fact]
    public void Every_structure_has_explicit_offsets_and_no_bool_and_stays_in_bounds()
    {
        Type[] structures = [.. typeof(PvrdmaCqe).Assembly.GetTypes().Where(type => type.IsValueType && type.IsExplicitLayout)];
        Assert.True(structures.Length > 40);
        foreach (FieldInfo field in structures.SelectMany(type => type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)))
        {
            Assert.NotEqual(typeof(bool), field.FieldType);
            Assert.NotEqual(typeof(char), field.FieldType);
            int offset = field.GetCustomAttribute<FieldOffsetAttribute>()!.Value;
            Assert.True(offset + SizeOf(field.FieldType) <= SizeOf(field.DeclaringType!), $"{field.DeclaringType}.{field.Name}");
        }
    }

    [Fact]
    public void The_largest_command_and_response_fit_their_buffers()
    {
        Assert.Equal(PvrdmaCommands.RequestBytesMax, SizeOf(typeof(PvrdmaModifyQp)));
        Assert.Equal(PvrdmaCommands.ResponseBytesMax, SizeOf(typeof(PvrdmaQueryQpResponse)));
    }

    /// <summary>The device copies entries from the ring into a request without converting them.</summary>
    [Fact]
    public void A_scatter_gather_entry_is_the_same_in_the_ring_and_in_a_request()
    {
        var ring = new PvrdmaSge { Address = 0x1122334455667788, Length = 0x99AABBCC, LocalKey = 0xDDEEFF01 };
        ref ScatterGatherEntry request = ref Unsafe.As<PvrdmaSge, ScatterGatherEntry>(ref ring);
        Assert.Equal(Unsafe.SizeOf<PvrdmaSge>(), Unsafe.SizeOf<ScatterGatherEntry>());
        Assert.Equal((ring.Address, ring.Length, ring.LocalKey), (request.Address, request.Length, request.LocalKey));
    }

    [Theory]
    [InlineData(1, 0, 128)]
    [InlineData(3, 0, 128)]
    [InlineData(4, 0, 256)]
    [InlineData(16, 0, 512)]
    [InlineData(1, 48, 128)]
    [InlineData(1, 49, 256)]
    [InlineData(0, 0, 128)]
    public void A_send_slot_is_a_power_of_two(uint sges, uint inlineBytes, uint slotBytes) =>
        Assert.Equal(slotBytes, PvrdmaWqeLayout.SendSlotBytes(sges, inlineBytes));

    [Theory]
    [InlineData(0, 32)]
    [InlineData(1, 32)]
    [InlineData(2, 64)]
    [InlineData(16, 512)]
    public void A_receive_slot_is_a_power_of_two(uint sges, uint slotBytes) =>
        Assert.Equal(slotBytes, PvrdmaWqeLayout.ReceiveSlotBytes(sges));

    private static int SizeOf(Type type) =>
        (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;
}
