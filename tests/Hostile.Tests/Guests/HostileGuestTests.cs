using Hostile.Tests.Arenas;

namespace Hostile.Tests.Guests;

/// <summary>
/// Every attack of the catalogue, wherever it can be tried: against devices whose guest memory lies between guard pages, within one host, and between two
/// hosts. Meanwhile a second guest of the same worker goes on with its work, and loses nothing.
/// </summary>
public sealed unsafe class HostileGuestTests
{
    public static TheoryData<string, string, ArenaKind> Attacks()
    {
        var rows = new TheoryData<string, string, ArenaKind>();
        foreach (AttackCase attack in AttackCatalogue.All)
        {
            foreach (ArenaKind kind in Enum.GetValues<ArenaKind>())
            {
                if (attack.RunsIn(kind))
                {
                    rows.Add(attack.Class, attack.Name, kind);
                }
            }
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public void An_attack_harms_nobody_but_its_guest(string attackClass, string name, ArenaKind kind)
    {
        AttackCase attack = AttackCatalogue.Find(attackClass, name);
        using Arena arena = Arena.Create(kind, attack.Limits);
        var victim = new Victim(arena);
        victim.Stream(20);
        attack.Run(new Attack(arena) { Victim = victim });
        victim.Stream(20);
        victim.AssertUnharmed();
        arena.AssertAllServed();
        Assert.Equal(attack.IsFatal, arena.Mallory.Device.IsFatal);
        AssertNothingLeaks(arena);
    }

    [Fact]
    public void Names_are_unique_and_there_are_at_least_150_attacks()
    {
        Assert.Equal(AttackCatalogue.All.Count, AttackCatalogue.All.Select(attack => (attack.Class, attack.Name)).Distinct().Count());
        Assert.InRange(AttackCatalogue.All.Count, 150, int.MaxValue);
    }

    /// <summary>After a reset nothing of Mallory is left, and a driver can begin again, unless the device was given up.</summary>
    private static void AssertNothingLeaks(Arena arena)
    {
        TestGuest mallory = arena.Mallory;
        VrdmaDevice device = mallory.Device;
        mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
        Assert.Equal(
            (0, 0, 0, 0, 0, 0L),
            (device.QueuePairCount, device.CompletionQueueCount, device.MemoryRegionCount, device.ProtectionDomainCount, device.UserContextCount,
                device.PinnedPages));
        Assert.False(device.HasTransmits);
        Assert.Equal(long.MaxValue, device.NextDeadlineNs);
        WriteFreshRegion(mallory);
        mallory.WriteRegion(mallory.Region);
        mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Activate);
        Assert.Equal(!device.IsFatal, device.IsActive);
        arena.Run();
        arena.AssertAllServed();
    }

    /// <summary>A driver that begins again gives pages of its own: those of before may be spoilt.</summary>
    private static void WriteFreshRegion(TestGuest guest)
    {
        ulong Ring() => guest.Memory.Directory(guest.Memory.AllocatePages(2));
        *guest.SharedRegion = new PvrdmaDeviceSharedRegion
        {
            CommandSlotAddress = guest.CommandSlot,
            ResponseSlotAddress = guest.ResponseSlot,
            AsyncRing = new PvrdmaRingPageInfo { PageCount = 2, DirectoryAddress = Ring() },
            NotificationRing = new PvrdmaRingPageInfo { PageCount = 2, DirectoryAddress = Ring() },
        };
    }
}
