using RoceEngine.Abi;
using RoceEngine.Device;

namespace Device.Tests;

public sealed unsafe class RegisterTests
{
    private const ExtensionBits OfferedAlways = ExtensionBits.Inline | ExtensionBits.UnreliableConnection | ExtensionBits.MemoryWindows
        | ExtensionBits.ArmWord | ExtensionBits.ExtendedVerbs;

    [Fact]
    public void Capabilities_are_there_when_the_high_half_has_been_written()
    {
        using var guest = new TestGuest(bringUp: false);
        Assert.Equal(20u, guest.Device.ReadRegister(PvrdmaRegister.Version));
        guest.Write(PvrdmaRegister.DsrLow, (uint)guest.Region);
        Assert.Equal(0u, guest.SharedRegion->Caps.MaxQp);
        guest.Write(PvrdmaRegister.DsrHigh, 0);
        Assert.Equal(0u, guest.Error);

        // What the stock driver demands before it goes on.
        PvrdmaDeviceCaps caps = guest.SharedRegion->Caps;
        Assert.Equal(0, caps.Mode);
        Assert.Equal(2, caps.GidTypes);
        Assert.Equal(1, caps.PortCount);
        Assert.Equal((uint)guest.Options.Limits.QueuePairs, caps.MaxQp);
        Assert.True(caps.MaxQp <= 65536, "the driver indexes its table with 16 bits");
        Assert.NotEqual(0ul, caps.NodeGuid);
        Assert.Equal(caps.NodeGuid, caps.SystemImageGuid);
        Assert.Equal((0b1111, 0b111, 128u), (caps.AtomicOperations, caps.MemoryManagementFlags, caps.MaxFastRegisterPages));
        Assert.Equal((4096u, 32768u, 16u), (caps.MaxSrq, caps.MaxSrqWr, caps.MaxSrqSge));
        Assert.Equal(AbiVersion.Pvrdma, guest.SharedRegion->DriverVersion);
    }

    /// <summary>A stock driver is promised nothing that it cannot ask for.</summary>
    [Fact]
    public void Capabilities_follow_the_extension_that_was_enabled()
    {
        const uint WindowFlags = (1 << 17) | (1 << 24);
        using var guest = new TestGuest(bringUp: false);
        guest.WriteRegion(guest.Region);
        Assert.Equal((0u, 0u), (guest.SharedRegion->Caps.MaxMw, guest.SharedRegion->Caps.DeviceFlags & WindowFlags));
        guest.Write(PvrdmaRegister.ExtensionEnable, (uint)ExtensionBits.MemoryWindows);
        Assert.Equal((65536u, WindowFlags), (guest.SharedRegion->Caps.MaxMw, guest.SharedRegion->Caps.DeviceFlags & WindowFlags));
        guest.Write(PvrdmaRegister.ExtensionEnable, 0);
        Assert.Equal((0u, 0u), (guest.SharedRegion->Caps.MaxMw, guest.SharedRegion->Caps.DeviceFlags & WindowFlags));
    }

    [Theory]
    [InlineData(0xFFFF_FFFF_FFFF_F000ul)]
    [InlineData(0x0000_7FFF_0000_0000ul)]
    [InlineData(4097ul)]
    public void A_shared_region_elsewhere_is_refused(ulong address)
    {
        using var guest = new TestGuest(bringUp: false);
        guest.WriteRegion(address);
        Assert.NotEqual(0u, guest.Error);
        guest.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Activate);
        Assert.NotEqual(0u, guest.Error);
        Assert.False(guest.Device.IsActive);
    }

    [Fact]
    public void A_shared_region_that_ends_beyond_memory_is_refused()
    {
        using var guest = new TestGuest(bringUp: false);
        guest.WriteRegion((ulong)guest.Memory.Bytes - 272);
        Assert.Equal((uint)PvrdmaCommandError.BadAddress, guest.Error);
    }

    public static TheoryData<string> BrokenRegions =>
        ["command slot", "response slot", "async ring", "notification ring", "async pages", "notification pages", "huge ring", "ring of one page", "zero ring"];

    [Theory]
    [MemberData(nameof(BrokenRegions))]
    public void A_shared_region_that_lies_cannot_be_activated(string lie)
    {
        using var guest = new TestGuest(bringUp: false);
        PvrdmaDeviceSharedRegion* region = guest.SharedRegion;
        ulong beyond = (ulong)guest.Memory.Bytes;
        switch (lie)
        {
            case "command slot": region->CommandSlotAddress = beyond; break;
            case "response slot": region->ResponseSlotAddress = ulong.MaxValue - 7; break;
            case "async ring": region->AsyncRing.DirectoryAddress = beyond; break;
            case "notification ring": region->NotificationRing.DirectoryAddress = ulong.MaxValue & ~7ul; break;
            case "async pages": *(ulong*)guest.Memory.At(*(ulong*)guest.Memory.At(region->AsyncRing.DirectoryAddress)) = beyond; break;
            case "notification pages": *(ulong*)guest.Memory.At(region->NotificationRing.DirectoryAddress) = beyond - 8; break;
            case "huge ring": region->AsyncRing.PageCount = uint.MaxValue; break;
            case "ring of one page": region->NotificationRing.PageCount = 1; break;
            default: region->AsyncRing.PageCount = 0; break;
        }

        guest.WriteRegion(guest.Region);
        Assert.NotEqual(0u, guest.Error);
        guest.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Activate);
        Assert.NotEqual(0u, guest.Error);
        guest.Write(PvrdmaRegister.Request, 0);
        Assert.Equal((uint)PvrdmaCommandError.NotActive, guest.Error);
    }

    [Fact]
    public void Control_values_act_and_others_are_refused()
    {
        using var guest = new TestGuest(bringUp: false);
        guest.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Unquiesce);
        Assert.Equal((uint)PvrdmaCommandError.NotActive, guest.Error);
        guest.BringUp();
        guest.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Unquiesce);
        Assert.Equal(0u, guest.Error);
        guest.Write(PvrdmaRegister.Control, 3);
        Assert.Equal((uint)PvrdmaCommandError.InvalidArgument, guest.Error);
        Assert.True(guest.Device.IsActive);
        guest.WriteRegion(guest.Region);
        Assert.Equal((uint)PvrdmaCommandError.Busy, guest.Error);
    }

    [Fact]
    public void Reset_forgets_all_objects_and_the_device_can_be_brought_up_again()
    {
        using var guest = new TestGuest();
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue();
        guest.CreateRegion(domain, 4096, PvrdmaAccess.LocalWrite);
        guest.CreateQueuePair(domain, queue, queue).ToInit();
        guest.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
        Assert.Equal(0u, guest.Error);
        Assert.Equal((0, 0, 0, 0, 0L), (guest.Device.QueuePairCount, guest.Device.CompletionQueueCount, guest.Device.MemoryRegionCount,
            guest.Device.ProtectionDomainCount, guest.Device.PinnedPages));
        guest.Write(PvrdmaRegister.Request, 0);
        Assert.Equal((uint)PvrdmaCommandError.NotActive, guest.Error);
        guest.BringUp();
        Assert.NotEqual(0u, guest.CreateDomain());
    }

    [Fact]
    public void The_mac_address_can_be_read_and_written()
    {
        using var guest = new TestGuest();
        Assert.Equal(0x000A_0002u, guest.Device.ReadRegister(PvrdmaRegister.MacLow));
        Assert.Equal(0x0100u, guest.Device.ReadRegister(PvrdmaRegister.MacHigh));
        guest.Write(PvrdmaRegister.MacLow, 0x33221100);
        guest.Write(PvrdmaRegister.MacHigh, 0xFFFF5544);
        Assert.Equal((0x33221100u, 0x5544u), (guest.Device.ReadRegister(PvrdmaRegister.MacLow), guest.Device.ReadRegister(PvrdmaRegister.MacHigh)));
    }

    [Fact]
    public void A_masked_interrupt_is_raised_when_the_mask_goes()
    {
        using var guest = new TestGuest();
        guest.Write(PvrdmaRegister.InterruptMask, uint.MaxValue);
        guest.CreateDomain();
        Assert.Equal(0, guest.Environment.Interrupts[0]);
        guest.Write(PvrdmaRegister.InterruptMask, 0);
        Assert.Equal(1, guest.Environment.Interrupts[0]);
        Assert.Equal(1u, guest.Device.ReadRegister(PvrdmaRegister.InterruptCause));
        Assert.Equal(0u, guest.Device.ReadRegister(PvrdmaRegister.InterruptCause));
    }

    [Theory]
    [InlineData(PvrdmaRegister.Version)]
    [InlineData(PvrdmaRegister.Error)]
    [InlineData(0x28)]
    [InlineData(-4)]
    [InlineData(int.MaxValue)]
    public void A_register_that_takes_no_value_is_counted_and_changes_nothing(int register)
    {
        using var guest = new TestGuest();
        uint before = guest.Device.ReadRegister(register);
        guest.Write(register, 0x12345678);
        Assert.Equal(before, guest.Device.ReadRegister(register));
        Assert.Equal(1ul, guest.Device.Statistics.ByFault[(int)GuestFault.Register]);
    }

    [Fact]
    public void The_extension_is_off_until_enabled_and_cannot_be_changed_while_active()
    {
        using var guest = new TestGuest(new GuestOptions { Extension = ExtensionBits.DoorbellBitmap }, bringUp: false);
        Assert.Equal(ExtensionBits.None, guest.Device.Extension);
        Assert.Equal((uint)(OfferedAlways | ExtensionBits.DoorbellBitmap), guest.Device.ReadRegister(PvrdmaRegister.ExtensionCaps));
        guest.Write(PvrdmaRegister.ExtensionEnable, uint.MaxValue);
        Assert.Equal(guest.Device.ReadRegister(PvrdmaRegister.ExtensionCaps), guest.Device.ReadRegister(PvrdmaRegister.ExtensionEnable));
        guest.BringUp();
        guest.Write(PvrdmaRegister.ExtensionEnable, 0);
        Assert.Equal((uint)PvrdmaCommandError.Busy, guest.Error);
        Assert.Equal(ExtensionBits.DoorbellBitmap, guest.Device.Extension);
    }

    [Fact]
    public void Without_a_control_region_there_is_no_doorbell_bitmap()
    {
        using var guest = new TestGuest(bringUp: false);
        Assert.Equal((uint)OfferedAlways, guest.Device.ReadRegister(PvrdmaRegister.ExtensionCaps));
    }

    [Fact]
    public void The_register_page_mirrors_the_registers_and_the_device_page_tells_the_end()
    {
        var guest = new TestGuest(new GuestOptions { Extension = ExtensionBits.DoorbellBitmap });
        uint Mirror(int register) => *(uint*)(guest.Control + ControlRegion.RegisterPage + register);
        var device = (DeviceControlPage*)(guest.Control + ControlRegion.DevicePage);
        Assert.Equal(20u, Mirror(PvrdmaRegister.Version));
        Assert.Equal((uint)ExtensionBits.DoorbellBitmap, Mirror(PvrdmaRegister.ExtensionEnable));
        guest.Destroy(PvrdmaCommand.DestroyPd, 99);
        Assert.Equal((uint)PvrdmaCommandError.NoSuchObject, Mirror(PvrdmaRegister.Error));
        Assert.Equal(DeviceControlPage.StateRunning, device->DeviceState);
        guest.Device.Dispose();
        Assert.Equal(DeviceControlPage.StateClosed, device->DeviceState);
        guest.Device.Dispose();
        guest.Memory.Dispose();
    }
}
