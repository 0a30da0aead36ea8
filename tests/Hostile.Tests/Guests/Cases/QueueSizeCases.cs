namespace Hostile.Tests.Guests.Cases;

/// <summary>Rings whose sizes and page counts are zero, huge, odd, or contradict each other.</summary>
internal static class QueueSizeCases
{
    private const string Class = "ring sizes";

    public static IEnumerable<AttackCase> All => [.. CompletionQueues, .. QueuePairs];

    private static IEnumerable<AttackCase> CompletionQueues =>
    [
        Queue("completion queue of 0 entries", request => request with { EntryCount = 0 }),
        Queue("completion queue of 3 entries", request => request with { EntryCount = 3 }),
        Queue("completion queue of 2^31 entries", request => request with { EntryCount = 1u << 31 }),
        Queue("completion queue of 2^31 entries in 2^32 - 1 pages", request => request with { EntryCount = 1u << 31, PageCount = uint.MaxValue }),
        Queue("completion queue of 2^32 - 1 entries", request => request with { EntryCount = uint.MaxValue, PageCount = uint.MaxValue }),
        Queue("completion queue of 2^21 entries, one size too large", request => request with { EntryCount = 1 << 21, PageCount = uint.MaxValue }),
        Queue("completion queue of no pages", request => request with { PageCount = 0 }),
        Queue("completion queue of its header page alone", request => request with { PageCount = 1 }),
        Queue("completion queue with a page too few", request => request with { PageCount = request.PageCount - 1 }),
        Queue("completion queue of a context that is none", request => request with { ContextHandle = 77 }),
    ];

    private static IEnumerable<AttackCase> QueuePairs =>
    [
        Pair("queue pair of no send requests", request => request with { MaxSendWr = 0 }),
        Pair("queue pair of 63 send requests", request => request with { MaxSendWr = 63 }),
        Pair("queue pair of 2^31 send requests", request => request with { MaxSendWr = 1u << 31 }),
        Pair("queue pair of 2^32 - 1 send requests", request => request with { MaxSendWr = uint.MaxValue }),
        Pair("queue pair of 3 receive requests", request => request with { MaxReceiveWr = 3 }),
        Pair("queue pair of 2^31 receive requests", request => request with { MaxReceiveWr = 1u << 31 }),
        Pair("queue pair of 17 send entries", request => request with { MaxSendSge = 17 }),
        Pair("queue pair of 17 receive entries", request => request with { MaxReceiveSge = 17 }),
        Pair("queue pair of 2^28 send entries, whose slot size wraps to nothing", request => request with { MaxSendSge = 1u << 28 }),
        Pair("queue pair of 2^32 - 1 send entries", request => request with { MaxSendSge = uint.MaxValue }),
        Pair("queue pair of 2^32 - 1 receive entries", request => request with { MaxReceiveSge = uint.MaxValue }),
        Pair("queue pair of 2^32 - 1 inline bytes", request => request with { MaxInlineBytes = uint.MaxValue }),
        Pair("queue pair of 2^31 inline bytes", request => request with { MaxInlineBytes = 1u << 31 }),
        Pair("queue pair of no pages", request => request with { TotalPageCount = 0 }),
        Pair("queue pair of its state page alone", request => request with { TotalPageCount = 1 }),
        Pair("queue pair with a send page too few", request => request with { SendPageCount = (ushort)(request.SendPageCount - 1) }),
        Pair("queue pair of no send pages", request => request with { SendPageCount = 0 }),
        Pair("queue pair of more send pages than pages", request => request with { SendPageCount = ushort.MaxValue }),
        Pair("queue pair whose send pages leave none to receive", request => request with { SendPageCount = (ushort)(request.TotalPageCount - 1) }),
        Pair("queue pair with a page too few", request => request with { TotalPageCount = (ushort)(request.TotalPageCount - 1) }),
        Pair("queue pair type 0, the subnet manager's", request => request with { QpType = (byte)PvrdmaQpType.Smi }),
        Pair("queue pair type 1, the services', on a shared receive queue", request => request with { QpType = (byte)PvrdmaQpType.Gsi, UsesSrq = 1 }),
        Pair("queue pair type 5", request => request with { QpType = 5 }),
        Pair("queue pair type 255", request => request with { QpType = 255 }),
        Pair("queue pair of a shared receive queue that is none", request => request with { UsesSrq = 1, SrqHandle = 7 }),
        Pair("queue pair of a shared receive queue of 2^32 - 1", request => request with { UsesSrq = 255, SrqHandle = uint.MaxValue }),
    ];

    private static AttackCase Queue(string name, Func<PvrdmaCreateCq, PvrdmaCreateCq> lie) => new(Class, name, attack =>
    {
        PvrdmaCreateCq request = new GuestCompletionQueue(attack.Mallory, 256).Request;
        attack.Refused(PvrdmaCommand.CreateCq, lie(request), PvrdmaCommandError.InvalidArgument, PvrdmaCommandError.NoSuchObject);
        Assert.Equal((0, 0L), (attack.Mallory.Device.CompletionQueueCount, attack.Mallory.Device.PinnedPages));
    });

    private static AttackCase Pair(string name, Func<PvrdmaCreateQp, PvrdmaCreateQp> lie) => new(Class, name, attack =>
    {
        GuestCompletionQueue queue = attack.Mallory.CreateCompletionQueue();
        uint domain = attack.Mallory.CreateDomain();
        long pinned = attack.Mallory.Device.PinnedPages;
        PvrdmaCreateQp request = new GuestQueuePair(attack.Mallory, domain, queue, queue).Request;
        attack.Refused(
            PvrdmaCommand.CreateQp, lie(request), PvrdmaCommandError.InvalidArgument, PvrdmaCommandError.NotSupported, PvrdmaCommandError.NoSuchObject);
        Assert.Equal((0, pinned), (attack.Mallory.Device.QueuePairCount, attack.Mallory.Device.PinnedPages));

        // Neither queue nor domain is held by what failed.
        Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyCq, queue.Handle));
        Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyPd, domain));
    });
}
