namespace Hostile.Tests.Guests.Cases;

/// <summary>Shared regions, slots and device rings that lie: the device stays inactive, or keeps what it had.</summary>
internal static unsafe class SharedRegionCases
{
    private const string Class = "shared region";

    public static IEnumerable<AttackCase> All =>
    [
        At("at the end of guest memory", attack => attack.Beyond),
        At("across the end of guest memory", attack => attack.Beyond - 8),
        At("at the top of the address space", attack => ulong.MaxValue - 7),
        At("not aligned", attack => attack.Mallory.Region + 4),
        At("at 2^63", attack => 1ul << 63),
        Bent("command slot outside guest memory", (attack, region) => region->CommandSlotAddress = attack.Beyond),
        Bent("command slot across the end", (attack, region) => region->CommandSlotAddress = attack.Beyond - 176),
        Bent("command slot at the top of the address space", (attack, region) => region->CommandSlotAddress = ulong.MaxValue - 7),
        Bent("command slot not aligned", (attack, region) => region->CommandSlotAddress++),
        Bent("response slot outside guest memory", (attack, region) => region->ResponseSlotAddress = attack.Beyond),
        Bent("response slot across the end", (attack, region) => region->ResponseSlotAddress = attack.Beyond - 168),
        Bent("response slot not aligned", (attack, region) => region->ResponseSlotAddress += 2),
        Bent("event ring of no pages", (attack, region) => region->AsyncRing.PageCount = 0),
        Bent("event ring of its header alone", (attack, region) => region->AsyncRing.PageCount = 1),
        Bent("event ring of 65 pages", (attack, region) => region->AsyncRing.PageCount = 65),
        Bent("event ring of 2^31 pages", (attack, region) => region->AsyncRing.PageCount = 1u << 31),
        Bent("event ring of 2^32 - 1 pages", (attack, region) => region->AsyncRing.PageCount = uint.MaxValue),
        Bent("event ring's directory outside guest memory", (attack, region) => region->AsyncRing.DirectoryAddress = attack.Beyond),
        Bent("event ring's page outside guest memory", (attack, region) =>
            attack.Word(attack.TableOf(region->AsyncRing.DirectoryAddress) + 8) = attack.Beyond),
        Bent("notification ring of no pages", (attack, region) => region->NotificationRing.PageCount = 0),
        Bent("notification ring of 2^32 - 1 pages", (attack, region) => region->NotificationRing.PageCount = uint.MaxValue),
        Bent("notification ring's directory not aligned", (attack, region) => region->NotificationRing.DirectoryAddress |= 1),
        Bent("notification ring's table across the end", (attack, region) =>
            attack.Word(region->NotificationRing.DirectoryAddress) = attack.Beyond - 8),
        new AttackCase(Class, "command slot, response slot and shared region in one place", attack =>
        {
            TestGuest mallory = attack.Mallory;
            mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
            PvrdmaDeviceSharedRegion good = *mallory.SharedRegion;
            mallory.SharedRegion->CommandSlotAddress = mallory.SharedRegion->ResponseSlotAddress = mallory.Region;
            mallory.BringUp();
            for (uint command = 0; command < 0x110; command++)
            {
                *(PvrdmaCommandHeader*)mallory.Memory.At(mallory.Region) = new PvrdmaCommandHeader { Cookie = 5, Command = command };
                mallory.Write(PvrdmaRegister.Request, 0);
            }

            *mallory.SharedRegion = good;
            Restore(mallory);
        }),
        new AttackCase(Class, "both device rings in one page, which is the shared region", attack =>
        {
            TestGuest mallory = attack.Mallory;
            mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
            PvrdmaDeviceSharedRegion good = *mallory.SharedRegion;
            ulong directory = mallory.Memory.Directory([mallory.Region, mallory.Region]);
            var ring = new PvrdmaRingPageInfo { PageCount = 2, DirectoryAddress = directory };
            mallory.SharedRegion->AsyncRing = mallory.SharedRegion->NotificationRing = ring;
            mallory.WriteRegion(mallory.Region);
            Assert.Equal(0u, mallory.Error);
            mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Activate);
            attack.Arena.Run();
            *mallory.SharedRegion = good;
            Restore(mallory);
        }),
        new AttackCase(Class, "set again and again while active", attack =>
        {
            attack.StillWorks();
            for (int i = 0; i < 100; i++)
            {
                attack.Mallory.WriteRegion(attack.Mallory.Memory.AllocatePage());
                Assert.Equal((uint)PvrdmaCommandError.Busy, attack.Mallory.Error);
            }

            attack.StillWorks();
        }),
    ];

    private static AttackCase At(string name, Func<Attack, ulong> address) => new(Class, name, attack =>
    {
        TestGuest mallory = attack.Mallory;
        mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
        mallory.WriteRegion(address(attack));
        Assert.Equal((uint)PvrdmaCommandError.BadAddress, mallory.Error);
        AssertInactive(attack);
    });

    private static AttackCase Bent(string name, RegionAction bend) => new(Class, name, attack =>
    {
        TestGuest mallory = attack.Mallory;
        mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
        PvrdmaDeviceSharedRegion good = *mallory.SharedRegion;
        ulong page = attack.Word(attack.TableOf(good.AsyncRing.DirectoryAddress) + 8);
        ulong table = attack.TableOf(good.NotificationRing.DirectoryAddress);
        bend(attack, mallory.SharedRegion);
        mallory.WriteRegion(mallory.Region);
        Assert.Contains((PvrdmaCommandError)mallory.Error, new[] { PvrdmaCommandError.BadAddress, PvrdmaCommandError.InvalidArgument });
        AssertInactive(attack);

        // The driver may try again, and better.
        *mallory.SharedRegion = good;
        attack.Word(attack.TableOf(good.AsyncRing.DirectoryAddress) + 8) = page;
        attack.Word(good.NotificationRing.DirectoryAddress) = table;
        Restore(mallory);
        attack.StillWorks();
    });

    private delegate void RegionAction(Attack attack, PvrdmaDeviceSharedRegion* region);

    private static void AssertInactive(Attack attack)
    {
        TestGuest mallory = attack.Mallory;
        mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Activate);
        Assert.NotEqual(0u, mallory.Error);
        Assert.False(mallory.Device.IsActive);
        mallory.Write(PvrdmaRegister.Request, 0);
        Assert.Equal((uint)PvrdmaCommandError.NotActive, mallory.Error);
        Assert.NotEqual(0ul, attack.Faults(GuestFault.SharedRegion));
    }

    private static void Restore(TestGuest mallory)
    {
        mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
        mallory.BringUp();
    }
}
