namespace Hostile.Tests.Guests.Cases;

/// <summary>Memory registrations that lie: each is refused, and names no page.</summary>
internal static class RegionCases
{
    private const string Class = "memory registration";

    public static IEnumerable<AttackCase> All =>
    [
        Refused("a length of 0", request => request with { Length = 0 }),
        Refused("a length of 2^64 - 1", request => request with { Length = ulong.MaxValue }),
        Refused("a length of 2^63", request => request with { Length = 1ul << 63 }),
        Refused("a length that wraps with its start", request => request with { Length = ulong.MaxValue - request.Start + 2 }),
        Refused("a start that wraps with its length", request => request with { Start = ulong.MaxValue - 4095 }),
        Refused("a length beyond the pages", request => request with { Length = (3 * 4096) + 1 }),
        Refused("a start in the middle of the last page", request => request with { Start = request.Start + 1 }),
        Refused("no pages", request => request with { PageCount = 0 }),
        Refused("fewer pages than the length needs", request => request with { PageCount = 2 }),
        Refused("2^32 - 1 pages for as much memory", request => request with { PageCount = uint.MaxValue, Length = 0xFFFF_FFFF_000 }),
        Refused("a gigabyte and a byte", request => request with { PageCount = uint.MaxValue, Length = (1ul << 30) + 1 }),
        Refused("remote write without local write", request => request with { Access = (uint)PvrdmaAccess.RemoteWrite }),
        Refused("remote atomic without local write", request => request with { Access = (uint)PvrdmaAccess.RemoteAtomic }),
        Refused("an access bit that is none", request => request with { Access = request.Access | (1 << 20) }),
        Refused("all access bits", request => request with { Access = uint.MaxValue }),
        Refused("on-demand paging", request => request with { Access = request.Access | (uint)PvrdmaAccess.OnDemand }),
        Refused("a flag that is none", request => request with { Flags = 4 }),
        Refused("all flags", request => request with { Flags = uint.MaxValue }),
        Refused("all of memory for peers", request => request with { Flags = PvrdmaMrFlags.Dma }),
        Refused("all of memory for peers to read", request => request with { Flags = PvrdmaMrFlags.Dma, Access = (uint)PvrdmaAccess.RemoteRead }),
        new AttackCase(Class, "more regions than the device has", attack =>
        {
            uint domain = attack.Mallory.CreateDomain();
            PvrdmaCreateMr request = new GuestRegion(attack.Mallory, domain, 4096, 0x1000, Attack.AllAccess).Request;
            for (int i = 1; i < attack.Mallory.Options.Limits.MemoryRegions; i++)
            {
                attack.Granted(PvrdmaCommand.CreateMr, request);
            }

            attack.Refused(PvrdmaCommand.CreateMr, request, PvrdmaCommandError.LimitReached);
        })
        { Limits = new DeviceLimits { MemoryRegions = 100 } },
        new AttackCase(Class, "more pages than the device keeps, by naming one page over and over", attack =>
        {
            uint domain = attack.Mallory.CreateDomain();
            ulong page = attack.Mallory.Memory.AllocatePage();
            ulong directory = attack.Mallory.Memory.Directory([.. Enumerable.Repeat(page, 512)]);
            var request = new PvrdmaCreateMr
            {
                Start = 0x10_0000, Length = 512 * 4096, DirectoryAddress = directory, PdHandle = domain, Access = (uint)Attack.AllAccess, PageCount = 512,
            };
            attack.Granted(PvrdmaCommand.CreateMr, request);
            attack.Granted(PvrdmaCommand.CreateMr, request);
            attack.Refused(PvrdmaCommand.CreateMr, request, PvrdmaCommandError.LimitReached);
            Assert.InRange(attack.Mallory.Device.PinnedPages, 1024, 1200);
        })
        { Limits = new DeviceLimits { PinnedPages = 1200 } },
        new AttackCase(Class, "one page a hundred thousand times: a region of 400 MB over 4 KiB", attack =>
        {
            // Tables may be named more than once as well: the guest pays with its quota, the host with 8 bytes for a page.
            uint domain = attack.Mallory.CreateDomain();
            ulong page = attack.Mallory.Memory.AllocatePage();
            ulong directory = attack.Mallory.Memory.Directory([.. Enumerable.Repeat(page, 512)]);
            for (uint table = 1; table < 200; table++)
            {
                attack.Word(directory + (table * 8ul)) = attack.TableOf(directory);
            }

            var request = new PvrdmaCreateMr
            {
                Start = 0x10_0000, Length = 100_000ul * 4096, DirectoryAddress = directory, PdHandle = domain, Access = (uint)Attack.AllAccess,
                PageCount = 100_000,
            };
            attack.Granted(PvrdmaCommand.CreateMr, request);
            Assert.InRange(attack.Mallory.Device.PinnedPages, 100_000, 100_100);
        }),
    ];

    private static AttackCase Refused(string name, Func<PvrdmaCreateMr, PvrdmaCreateMr> lie) => new(Class, name, attack =>
    {
        uint domain = attack.Mallory.CreateDomain();
        PvrdmaCreateMr request = new GuestRegion(attack.Mallory, domain, 3 * 4096, 0x10_0000, Attack.AllAccess).Request;
        attack.Refused(
            PvrdmaCommand.CreateMr, lie(request), PvrdmaCommandError.InvalidArgument, PvrdmaCommandError.NotSupported,
            PvrdmaCommandError.NotPermitted, PvrdmaCommandError.LimitReached);
        Assert.Equal((0, 0L), (attack.Mallory.Device.MemoryRegionCount, attack.Mallory.Device.PinnedPages));

        // The domain is not held by what failed.
        Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyPd, domain));
    });
}
