namespace Hostile.Tests.Guests.Cases;

/// <summary>Memory windows and fast registrations that reach for more than they may have.</summary>
internal static class WindowCases
{
    private const string Class = "memory windows and fast registration";

    public static IEnumerable<AttackCase> All =>
    [
        .. from type in new[] { 0u, 3u, uint.MaxValue }
           select new AttackCase(Class, $"a window of type {type}", attack => attack.Refused(
               PvrdmaCommand.CreateMw, new PvrdmaCreateMw { PdHandle = attack.Here.Domain, Type = type }, PvrdmaCommandError.InvalidArgument)),
        new AttackCase(Class, "a window of a protection domain that is none", attack => attack.Refused(
            PvrdmaCommand.CreateMw, new PvrdmaCreateMw { PdHandle = 999, Type = 1 }, PvrdmaCommandError.NoSuchObject)),
        Bind("a range beyond the region", (attack, head) => head with { BindLength = 65_537 }),
        Bind("a range before the region", (attack, head) => head with { BindAddress = head.BindAddress - 1 }),
        Bind("a range whose end wraps", (attack, head) => head with { BindAddress = ulong.MaxValue - 5 }),
        Bind("a length of 2^64 - 1", (attack, head) => head with { BindLength = ulong.MaxValue }),
        Bind("a region's key that is none", (attack, head) => head with { BindRegionKey = head.BindRegionKey ^ 1 }),
        Bind("a window's key that is none", (attack, head) => head with { BindKey = head.BindKey ^ 0x100 }),
        Bind("a region in the place of the window", (attack, head) => head with { BindKey = attack.Here.Region.Key }),
        Bind("the right to bind", (attack, head) => head with { BindAccess = (uint)PvrdmaAccess.WindowBind }),
        Bind("rights that are none", (attack, head) => head with { BindAccess = 1u << 30 }),
        Bind("a region without the right to bind", (attack, head) => head with
        {
            BindRegionKey = attack.Mallory.CreateRegion(attack.Here.Domain, 65_536, Attack.AllAccess, attack.Here.Region.Start).Key,
        }),
        Bind("a region of another protection domain", (attack, head) => head with
        {
            BindRegionKey = attack.Mallory.CreateRegion(
                attack.Mallory.CreateDomain(), 65_536, Attack.AllAccess | PvrdmaAccess.WindowBind, attack.Here.Region.Start).Key,
        }),
        new AttackCase(Class, "a peer that writes beyond the window", attack =>
        {
            uint key = BoundAtPartner(attack, bytes: 64);
            attack.Fails(
                PvrdmaWcStatus.RemoteAccessError,
                attack.Write() with { RdmaRemoteKey = key, RemoteAddress = attack.There.Region.Start + 1 }, attack.Here.Region.Sge(0, 64));
        }),
        new AttackCase(Class, "a peer that uses the window under an old tag", attack =>
        {
            uint key = BoundAtPartner(attack, bytes: 64);
            attack.Fails(PvrdmaWcStatus.RemoteAccessError, attack.Write() with { RdmaRemoteKey = key ^ 1 }, attack.Here.Region.Sge(0, 64));
        }),
        new AttackCase(Class, "a peer that uses a window that was destroyed", attack =>
        {
            uint key = BoundAtPartner(attack, bytes: 64, destroy: true);
            attack.Fails(PvrdmaWcStatus.RemoteAccessError, attack.Write() with { RdmaRemoteKey = key }, attack.Here.Region.Sge(0, 64));
        }),
        new AttackCase(Class, "a region destroyed or moved under its window", attack =>
        {
            _ = Window(attack.Mallory, attack.Here, 64, out _);
            attack.Arena.Run();
            attack.Refused(PvrdmaCommand.DestroyMr, new PvrdmaHandleCommand { Handle = attack.Here.Region.Handle }, PvrdmaCommandError.Busy);
            attack.Refused(
                PvrdmaCommand.ReregisterMr,
                new PvrdmaReregisterMr { MrHandle = attack.Here.Region.Handle, Flags = PvrdmaReregisterMr.ChangeAccess, Access = 1 },
                PvrdmaCommandError.Busy);
        }),
        .. from lie in FastLies
           select new AttackCase(Class, $"fast registration: {lie.Name}", attack =>
           {
               var create = new PvrdmaCreateMr { PdHandle = attack.Here.Domain, Flags = PvrdmaMrFlags.FastRegister, PageCount = 4 };
               Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Command(PvrdmaCommand.CreateMr, create, out PvrdmaCreateMrResponse region));
               var head = new PvrdmaSendWqe
               {
                   WorkRequestId = 4,
                   Opcode = (uint)PvrdmaWrOpcode.FastRegisterMr,
                   Flags = (uint)PvrdmaSendFlags.Signaled,
                   FastRegisterIova = 0x9000_0000,
                   FastRegisterDirectoryAddress = attack.Mallory.Memory.Directory(attack.Mallory.Memory.AllocatePages(4)),
                   FastRegisterPageShift = 12,
                   FastRegisterPageCount = 4,
                   FastRegisterLength = 4 * 4096,
                   FastRegisterAccess = (uint)Attack.AllAccess,
                   FastRegisterRemoteKey = region.RemoteKey ^ 1,
               };
               PvrdmaCqe entry = Assert.Single(attack.Post(lie.Bend(attack, head)));
               Assert.NotEqual((uint)PvrdmaWcStatus.Success, entry.Status);
               attack.AssertErrorState();
           }),
    ];

    private static readonly (string Name, Func<Attack, PvrdmaSendWqe, PvrdmaSendWqe> Bend)[] FastLies =
    [
        ("a directory outside guest memory", (attack, head) => head with { FastRegisterDirectoryAddress = attack.Beyond }),
        ("a page outside guest memory", (attack, head) =>
        {
            attack.Word(attack.TableOf(head.FastRegisterDirectoryAddress) + 8) = attack.Beyond;
            return head;
        }),
        ("more pages than the region was made for", (attack, head) => head with { FastRegisterPageCount = 5, FastRegisterLength = 5 * 4096 }),
        ("2^32 - 1 pages", (attack, head) => head with { FastRegisterPageCount = uint.MaxValue }),
        ("pages of another size", (attack, head) => head with { FastRegisterPageShift = 21 }),
        ("pages of 2^255 bytes", (attack, head) => head with { FastRegisterPageShift = 255 }),
        ("a length beyond its pages", (attack, head) => head with { FastRegisterLength = (4 * 4096) + 1 }),
        ("an address whose end wraps", (attack, head) => head with { FastRegisterIova = ulong.MaxValue - 4095 }),
        ("rights that are none", (attack, head) => head with { FastRegisterAccess = 1u << 29 }),
        ("the key of an ordinary region", (attack, head) => head with { FastRegisterRemoteKey = attack.Here.Region.Key }),
    ];

    private static AttackCase Bind(string name, Func<Attack, PvrdmaSendWqe, PvrdmaSendWqe> lie) => new(Class, $"a bind of {name}", attack =>
    {
        PvrdmaSendWqe head = Request(attack.Mallory, attack.Here, 2, 64, out _);
        PvrdmaCqe entry = Assert.Single(attack.Post(lie(attack, head)));
        Assert.Contains(
            (PvrdmaWcStatus)entry.Status, new[] { PvrdmaWcStatus.MemoryWindowBindError, PvrdmaWcStatus.LocalQpOperationError });
        attack.AssertErrorState();
    });

    /// <summary>A bind of the first bytes of an end's region, ready to post.</summary>
    private static PvrdmaSendWqe Request(TestGuest guest, DevicePair.Endpoint end, uint type, ulong bytes, out uint handle)
    {
        Assert.Equal(
            PvrdmaCommandError.None,
            guest.Command(PvrdmaCommand.CreateMw, new PvrdmaCreateMw { PdHandle = end.Domain, Type = type }, out PvrdmaCreateMwResponse response));
        handle = response.MwHandle;
        return new PvrdmaSendWqe
        {
            WorkRequestId = 6,
            Opcode = (uint)PvrdmaWrOpcode.BindMemoryWindow,
            Flags = (uint)PvrdmaSendFlags.Signaled,
            BindAddress = end.Region.Start,
            BindLength = bytes,
            BindRegionKey = end.Region.Key,
            BindAccess = (uint)(PvrdmaAccess.RemoteWrite | PvrdmaAccess.RemoteRead),
            BindKey = response.RemoteKey ^ 2,
        };
    }

    private static uint Window(TestGuest guest, DevicePair.Endpoint end, ulong bytes, out uint handle)
    {
        PvrdmaSendWqe head = Request(guest, end, 2, bytes, out handle);
        Assert.True(end.Qp.TryWriteSend(head, default));
        guest.RingSend(end.Qp);
        return head.BindKey;
    }

    private static uint BoundAtPartner(Attack attack, ulong bytes, bool destroy = false)
    {
        uint key = Window(attack.Partner, attack.There, bytes, out uint handle);
        attack.Arena.Run();
        Assert.Equal((uint)PvrdmaWcStatus.Success, Assert.Single(attack.There.Cq.PollAll()).Status);
        if (destroy)
        {
            Assert.Equal(PvrdmaCommandError.None, attack.Partner.Destroy(PvrdmaCommand.DestroyMw, handle));
        }

        return key;
    }
}
