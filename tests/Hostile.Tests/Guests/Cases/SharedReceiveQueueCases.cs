namespace Hostile.Tests.Guests.Cases;

/// <summary>Shared receive queues that lie, re-registrations and resizes of what is not there.</summary>
internal static unsafe class SharedReceiveQueueCases
{
    private const string Class = "shared receive queues, re-registration, resize";

    public static IEnumerable<AttackCase> All =>
    [
        .. from lie in Lies
           select new AttackCase(Class, $"a shared receive queue of {lie.Name}", attack =>
           {
               uint domain = attack.Mallory.CreateDomain();
               PvrdmaCreateSrq request = new GuestSharedReceiveQueue(attack.Mallory, domain).Request;
               lie.Bend(attack, ref request);
               attack.Refused(
                   PvrdmaCommand.CreateSrq, request, PvrdmaCommandError.InvalidArgument, PvrdmaCommandError.BadAddress,
                   PvrdmaCommandError.NoSuchObject, PvrdmaCommandError.NotSupported);
               Assert.Equal(0, attack.Mallory.Device.PinnedPages);
               Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyPd, domain));
           }),
        .. from index in new[] { 17u, 32u, 0x8000_0000u, uint.MaxValue }
           select new AttackCase(Class, $"a shared receive queue's producer at {index} of 16 slots", attack =>
           {
               GuestSharedReceiveQueue queue = Shared(attack, out GuestQueuePair qp);
               PvrdmaRing.PublishProducer(queue.Ring, index);
               SendTo(attack, qp);
               Assert.NotEqual(0ul, attack.Faults(GuestFault.RingIndex));
               attack.StillWorks();
           }),
        new AttackCase(Class, "a shared receive queue destroyed under its queue pair", attack =>
        {
            GuestSharedReceiveQueue queue = Shared(attack, out GuestQueuePair qp);
            attack.Refused(PvrdmaCommand.DestroySrq, new PvrdmaHandleCommand { Handle = queue.Handle }, PvrdmaCommandError.Busy);
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyQp, qp.Handle));
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroySrq, queue.Handle));
            attack.Refused(PvrdmaCommand.DestroySrq, new PvrdmaHandleCommand { Handle = queue.Handle }, PvrdmaCommandError.NoSuchObject);
        }),
        new AttackCase(Class, "a limit beyond the shared receive queue's depth", attack =>
        {
            GuestSharedReceiveQueue queue = Shared(attack, out _);
            Assert.Equal(PvrdmaCommandError.InvalidArgument, queue.Arm(17));
            Assert.Equal(PvrdmaCommandError.InvalidArgument, queue.Arm(uint.MaxValue));
        }),
        .. from command in new[] { PvrdmaCommand.ModifySrq, PvrdmaCommand.QuerySrq, PvrdmaCommand.DestroySrq, PvrdmaCommand.DestroyMw }
           select new AttackCase(Class, $"{command} of handles that were never given out", attack =>
           {
               foreach (uint handle in new[] { 0u, 1u, 63u, 64u, 65_536u, uint.MaxValue })
               {
                   attack.Refused(command, new PvrdmaHandleCommand { Handle = handle }, PvrdmaCommandError.NoSuchObject);
               }
           }),
        Reregister("no flags", request => request with { Flags = 0 }),
        Reregister("flags that are none", request => request with { Flags = 8 }),
        Reregister("a region that is none", request => request with { MrHandle = 999 }),
        Reregister("a protection domain that is none", request => request with { Flags = PvrdmaReregisterMr.ChangePd, PdHandle = 999 }),
        Reregister("rights that are none", request => request with { Flags = PvrdmaReregisterMr.ChangeAccess, Access = 1 << 25 }),
        Reregister("remote write without local write", request => request with { Flags = PvrdmaReregisterMr.ChangeAccess, Access = 2 }),
        Reregister("a length that wraps", request => request with { Length = ulong.MaxValue }),
        Reregister("no pages", request => request with { PageCount = 0 }),
        Reregister("a directory outside guest memory", request => request with { DirectoryAddress = 1ul << 62 }),
        Resize("no entries", request => request with { EntryCount = 0 }),
        Resize("three entries", request => request with { EntryCount = 3 }),
        Resize("2^31 entries", request => request with { EntryCount = 1u << 31, PageCount = uint.MaxValue }),
        Resize("a page too few", request => request with { PageCount = request.PageCount - 1 }),
        Resize("a queue that is none", request => request with { CqHandle = 999 }),
        Resize("a directory outside guest memory", request => request with { DirectoryAddress = ulong.MaxValue - 7 }),
    ];

    private delegate void Lie(Attack attack, ref PvrdmaCreateSrq request);

    private static readonly (string Name, Lie Bend)[] Lies =
    [
        ("no requests", (Attack attack, ref PvrdmaCreateSrq request) => request.Attributes.MaxWr = 0),
        ("three requests", (Attack attack, ref PvrdmaCreateSrq request) => request.Attributes.MaxWr = 3),
        ("2^31 requests", (Attack attack, ref PvrdmaCreateSrq request) => request.Attributes.MaxWr = 1u << 31),
        ("2^32 - 1 entries", (Attack attack, ref PvrdmaCreateSrq request) => request.Attributes.MaxSge = uint.MaxValue),
        ("17 entries", (Attack attack, ref PvrdmaCreateSrq request) => request.Attributes.MaxSge = 17),
        ("no pages", (Attack attack, ref PvrdmaCreateSrq request) => request.PageCount = 0),
        ("its state page alone", (Attack attack, ref PvrdmaCreateSrq request) => request.PageCount = 1),
        ("a type that is none", (Attack attack, ref PvrdmaCreateSrq request) => request.SrqType = 9),
        ("a protection domain that is none", (Attack attack, ref PvrdmaCreateSrq request) => request.PdHandle = 999),
        ("a directory outside guest memory", (Attack attack, ref PvrdmaCreateSrq request) => request.DirectoryAddress = attack.Beyond),
        ("a page outside guest memory", (Attack attack, ref PvrdmaCreateSrq request) =>
            attack.Word(attack.TableOf(request.DirectoryAddress) + 8) = attack.Beyond),
    ];

    private static AttackCase Reregister(string name, Func<PvrdmaReregisterMr, PvrdmaReregisterMr> lie) => new(Class, $"re-registration: {name}", attack =>
    {
        PvrdmaCreateMr made = attack.Here.Region.Request;
        long pinned = attack.Mallory.Device.PinnedPages;
        var request = new PvrdmaReregisterMr
        {
            Start = made.Start, Length = made.Length, DirectoryAddress = made.DirectoryAddress, MrHandle = attack.Here.Region.Handle,
            PageCount = made.PageCount, Flags = PvrdmaReregisterMr.ChangeTranslation,
        };
        attack.Refused(
            PvrdmaCommand.ReregisterMr, lie(request), PvrdmaCommandError.InvalidArgument, PvrdmaCommandError.NoSuchObject, PvrdmaCommandError.BadAddress);

        // The region is as it was.
        Assert.Equal(pinned, attack.Mallory.Device.PinnedPages);
        attack.StillWorks();
    });

    private static AttackCase Resize(string name, Func<PvrdmaResizeCqPages, PvrdmaResizeCqPages> lie) => new(Class, $"resize: {name}", attack =>
    {
        _ = attack.Here;
        PvrdmaCreateCq pages = new GuestCompletionQueue(attack.Mallory, 512).Request;
        var request = new PvrdmaResizeCqPages
        {
            DirectoryAddress = pages.DirectoryAddress, CqHandle = attack.Here.Cq.Handle, EntryCount = 512, PageCount = pages.PageCount,
        };
        attack.Refused(
            PvrdmaCommand.ResizeCqPages, lie(request), PvrdmaCommandError.InvalidArgument, PvrdmaCommandError.NoSuchObject, PvrdmaCommandError.BadAddress);
        attack.StillWorks();
    });

    private static GuestSharedReceiveQueue Shared(Attack attack, out GuestQueuePair qp)
    {
        var queue = new GuestSharedReceiveQueue(attack.Mallory, attack.Here.Domain);
        Assert.Equal(PvrdmaCommandError.None, queue.Create());
        qp = attack.Mallory.CreateQueuePair(
            attack.Here.Domain, attack.Here.Cq, attack.Here.Cq, request => request with { UsesSrq = 1, SrqHandle = queue.Handle });
        return queue;
    }

    /// <summary>The partner sends to a queue pair of Mallory's.</summary>
    private static void SendTo(Attack attack, GuestQueuePair qp)
    {
        GuestQueuePair peer = attack.Partner.CreateQueuePair(attack.There.Domain, attack.There.Cq, attack.There.Cq);
        Arenas.Arena.Connect(qp, peer, attack.Mallory, attack.Partner);
        peer.PostSend(new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.Send, Flags = (uint)PvrdmaSendFlags.Signaled }, attack.There.Region.Sge(0, 8));
        attack.Arena.Run();
        attack.Here.Cq.PollAll();
    }
}
