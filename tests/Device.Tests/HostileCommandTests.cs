using RoceEngine.Abi;
using RoceEngine.Device;

namespace Device.Tests;

/// <summary>Commands that lie. Each is refused, and leaves nothing behind.</summary>
public sealed unsafe class HostileCommandTests
{
    private const PvrdmaAccess ReadWrite = PvrdmaAccess.LocalWrite | PvrdmaAccess.RemoteWrite | PvrdmaAccess.RemoteRead;

    public static TheoryData<string> Regions => ["length 0", "length huge", "length wraps", "start wraps", "pages 0", "pages short",
        "directory beyond", "directory unaligned", "directory wraps", "table beyond", "table unaligned", "page beyond", "page unaligned", "page wraps",
        "directory at itself", "domain", "access unknown", "access zero based", "remote write alone", "atomic alone", "dma with remote", "fast register",
        "flags unknown", "last page only"];

    [Theory]
    [MemberData(nameof(Regions))]
    public void A_region_that_lies_is_refused(string lie)
    {
        using var guest = new TestGuest(new GuestOptions { Pages = 256 });
        uint domain = guest.CreateDomain();
        PvrdmaCreateMr request = new GuestRegion(guest, domain, 3 * 4096, 0x10_0000, ReadWrite).Request;
        ulong table = *(ulong*)guest.Memory.At(request.DirectoryAddress);
        ulong beyond = (ulong)guest.Memory.Bytes;
        switch (lie)
        {
            case "length 0": request.Length = 0; break;
            case "length huge": request.Length = 1ul << 31; break;
            case "length wraps": request.Length = ulong.MaxValue - 4095; break;
            case "start wraps": request.Start = ulong.MaxValue - 4095; break;
            case "pages 0": request.PageCount = 0; break;
            case "pages short": request.PageCount = 2; break;
            case "directory beyond": request.DirectoryAddress = beyond; break;
            case "directory unaligned": request.DirectoryAddress += 4; break;
            case "directory wraps": request.DirectoryAddress = ulong.MaxValue - 7; break;
            case "table beyond": *(ulong*)guest.Memory.At(request.DirectoryAddress) = beyond - 8; break;
            case "table unaligned": *(ulong*)guest.Memory.At(request.DirectoryAddress) += 1; break;
            case "page beyond": *(ulong*)guest.Memory.At(table + 8) = beyond; break;
            case "page unaligned": *(ulong*)guest.Memory.At(table + 8) += 8; break;
            case "page wraps": *(ulong*)guest.Memory.At(table + 8) = ulong.MaxValue & ~4095ul; break;
            case "directory at itself":
                // Its own address is a fine table, but a table's second entry then is what stands in the directory: nothing.
                *(ulong*)guest.Memory.At(request.DirectoryAddress) = request.DirectoryAddress;
                *(ulong*)guest.Memory.At(request.DirectoryAddress + 8) = 1;
                break;
            case "domain": request.PdHandle = 77; break;
            case "access unknown": request.Access = 1 << 20; break;
            case "access zero based": request.Access |= (uint)PvrdmaAccess.ZeroBased; break;
            case "remote write alone": request.Access = (uint)PvrdmaAccess.RemoteWrite; break;
            case "atomic alone": request.Access = (uint)PvrdmaAccess.RemoteAtomic; break;
            case "dma with remote": request.Flags = PvrdmaMrFlags.Dma; break;
            case "fast register": request.Flags = PvrdmaMrFlags.FastRegister; break;
            case "flags unknown": request.Flags = 4; break;
            default: request.Start += 1; break;
        }

        Assert.NotEqual(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.CreateMr, request));
        Assert.Equal(0, guest.Device.MemoryRegionCount);
        Assert.Equal(0, guest.Device.PinnedPages);
        Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyPd, domain));
    }

    [Fact]
    public void A_region_over_all_of_memory_can_be_had_for_local_use()
    {
        using var guest = new TestGuest();
        uint domain = guest.CreateDomain();
        var request = new PvrdmaCreateMr { PdHandle = domain, Flags = PvrdmaMrFlags.Dma, Access = (uint)PvrdmaAccess.LocalWrite };
        Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.CreateMr, request, out PvrdmaCreateMrResponse response));
        Assert.NotEqual(0u, response.LocalKey);
        MemoryRegionSnapshot region = Assert.Single(guest.Device.ListMemoryRegions());
        Assert.Equal((0ul, (ulong)guest.Memory.Bytes), (region.Start, region.Bytes));
    }

    public static TheoryData<string> Queues =>
        ["entries 0", "entries odd", "entries huge", "pages 1", "pages short", "directory beyond", "page beyond", "context", "directory null table"];

    [Theory]
    [MemberData(nameof(Queues))]
    public void A_completion_queue_that_lies_is_refused(string lie)
    {
        using var guest = new TestGuest(new GuestOptions { Pages = 256 });
        PvrdmaCreateCq request = new GuestCompletionQueue(guest, 256).Request;
        ulong beyond = (ulong)guest.Memory.Bytes;
        switch (lie)
        {
            case "entries 0": request.EntryCount = 0; break;
            case "entries odd": request.EntryCount = 200; break;
            case "entries huge": request.EntryCount = 1u << 31; request.PageCount = uint.MaxValue; break;
            case "pages 1": request.PageCount = 1; break;
            case "pages short": request.PageCount = 4; break;
            case "directory beyond": request.DirectoryAddress = beyond - 7; break;
            case "page beyond": *(ulong*)guest.Memory.At(*(ulong*)guest.Memory.At(request.DirectoryAddress)) = beyond; break;
            case "context": request.ContextHandle = 9; break;
            default: *(ulong*)guest.Memory.At(request.DirectoryAddress) = beyond; break;
        }

        Assert.NotEqual(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.CreateCq, request));
        Assert.Equal(0, guest.Device.CompletionQueueCount);
        Assert.Equal(0, guest.Device.PinnedPages);
    }

    public static TheoryData<string> Pairs => ["type SMI", "type GSI shared", "type UC", "type 200", "send 0", "send odd", "send huge", "receive odd",
        "receive huge", "send sges", "receive sges", "sges huge", "inline", "pages 0", "send pages short", "send pages long", "total short",
        "directory beyond", "page beyond", "domain", "send queue", "receive queue", "srq", "handles huge"];

    [Theory]
    [MemberData(nameof(Pairs))]
    public void A_queue_pair_that_lies_is_refused(string lie)
    {
        using var guest = new TestGuest(new GuestOptions { Pages = 256 });
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue();
        long pinned = guest.Device.PinnedPages;
        PvrdmaCreateQp request = new GuestQueuePair(guest, domain, queue, queue).Request;
        ulong beyond = (ulong)guest.Memory.Bytes;
        switch (lie)
        {
            case "type SMI": request.QpType = (byte)PvrdmaQpType.Smi; break;
            case "type GSI shared": (request.QpType, request.UsesSrq) = ((byte)PvrdmaQpType.Gsi, 1); break;
            case "type UC": request.QpType = (byte)PvrdmaQpType.Uc; break;
            case "type 200": request.QpType = 200; break;
            case "send 0": request.MaxSendWr = 0; break;
            case "send odd": request.MaxSendWr = 63; break;
            case "send huge": request.MaxSendWr = 1u << 31; break;
            case "receive odd": request.MaxReceiveWr = 3; break;
            case "receive huge": request.MaxReceiveWr = 1u << 30; break;
            case "send sges": request.MaxSendSge = 17; break;
            case "receive sges": request.MaxReceiveSge = 17; break;
            case "sges huge": request.MaxSendSge = uint.MaxValue; break;
            case "inline": request.MaxInlineBytes = 1; break;
            case "pages 0": request.TotalPageCount = 0; break;
            case "send pages short": request.SendPageCount--; break;
            case "send pages long": request.SendPageCount = ushort.MaxValue; break;
            case "total short": request.TotalPageCount--; break;
            case "directory beyond": request.DirectoryAddress = beyond; break;
            case "page beyond": *(ulong*)guest.Memory.At(*(ulong*)guest.Memory.At(request.DirectoryAddress) + 8) = beyond; break;
            case "domain": request.PdHandle = 2; break;
            case "send queue": request.SendCqHandle = 2; break;
            case "receive queue": request.ReceiveCqHandle = 0; break;
            case "srq": request.UsesSrq = 1; break;
            default: request.PdHandle = request.SendCqHandle = request.ReceiveCqHandle = uint.MaxValue; break;
        }

        Assert.NotEqual(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.CreateQp, request));
        Assert.Equal(0, guest.Device.QueuePairCount);
        Assert.Equal(pinned, guest.Device.PinnedPages);
        Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyCq, queue.Handle));
        Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyPd, domain));
    }

    [Theory]
    [InlineData(PvrdmaCommand.DestroyPd)]
    [InlineData(PvrdmaCommand.DestroyMr)]
    [InlineData(PvrdmaCommand.DestroyCq)]
    [InlineData(PvrdmaCommand.DestroyQp)]
    [InlineData(PvrdmaCommand.DestroyUc)]
    [InlineData(PvrdmaCommand.ModifyQp)]
    [InlineData(PvrdmaCommand.QueryQp)]
    public void A_handle_that_names_nothing_is_refused(PvrdmaCommand command)
    {
        using var guest = new TestGuest();
        foreach (uint handle in new[] { 0u, 1u, 63u, 64u, 65536u, 1u << 31, uint.MaxValue })
        {
            Assert.Equal(PvrdmaCommandError.NoSuchObject, guest.Command(command, new PvrdmaModifyQp { QpHandle = handle }));
        }
    }

    [Fact]
    public void Every_limit_is_kept_and_what_is_freed_can_be_had_again()
    {
        var limits = new DeviceLimits
        {
            QueuePairs = 3, CompletionQueues = 3, MemoryRegions = 3, ProtectionDomains = 3, UserContexts = 3,
        };
        using var guest = new TestGuest(new GuestOptions { Limits = limits });
        for (int round = 0; round < 3; round++)
        {
            uint[] domains = [guest.CreateDomain(), guest.CreateDomain()];
            Assert.Equal(PvrdmaCommandError.LimitReached, guest.Command(PvrdmaCommand.CreatePd, default(PvrdmaHandleCommand)));
            GuestCompletionQueue[] queues = [guest.CreateCompletionQueue(), guest.CreateCompletionQueue()];
            Assert.Equal(PvrdmaCommandError.LimitReached, new GuestCompletionQueue(guest, 16).Create());
            GuestRegion[] regions = [guest.CreateRegion(domains[0], 64, ReadWrite), guest.CreateRegion(domains[1], 64, ReadWrite)];
            Assert.Equal(PvrdmaCommandError.LimitReached, new GuestRegion(guest, domains[0], 64, 0, ReadWrite).Create());
            GuestQueuePair[] pairs = [guest.CreateQueuePair(domains[0], queues[0], queues[1]), guest.CreateQueuePair(domains[1], queues[1], queues[1])];
            Assert.Equal(PvrdmaCommandError.LimitReached, new GuestQueuePair(guest, domains[0], queues[0], queues[0]).Create());
            guest.Command(PvrdmaCommand.CreateUc, default(PvrdmaCreateUc), out PvrdmaHandleResponse first);
            guest.Command(PvrdmaCommand.CreateUc, default(PvrdmaCreateUc), out PvrdmaHandleResponse second);
            Assert.Equal(PvrdmaCommandError.LimitReached, guest.Command(PvrdmaCommand.CreateUc, default(PvrdmaCreateUc)));

            Assert.All(pairs, qp => Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyQp, qp.Handle)));
            Assert.All(regions, region => Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyMr, region.Handle)));
            Assert.All(queues, queue => Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyCq, queue.Handle)));
            Assert.All(domains, domain => Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyPd, domain)));
            Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyUc, first.Handle));
            Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyUc, second.Handle));
            Assert.Equal(0, guest.Device.PinnedPages);
        }
    }

    [Fact]
    public void Pages_are_a_quota_too()
    {
        using var guest = new TestGuest(new GuestOptions { Limits = new DeviceLimits { PinnedPages = 8 } });
        uint domain = guest.CreateDomain();
        GuestRegion region = guest.CreateRegion(domain, 8 * 4096, ReadWrite);
        Assert.Equal(PvrdmaCommandError.LimitReached, new GuestRegion(guest, domain, 1, 0, ReadWrite).Create());
        Assert.Equal(PvrdmaCommandError.LimitReached, new GuestCompletionQueue(guest, 1).Create());
        Assert.Equal(8, guest.Device.PinnedPages);
        guest.Destroy(PvrdmaCommand.DestroyMr, region.Handle);
        Assert.Equal(PvrdmaCommandError.None, new GuestCompletionQueue(guest, 1).Create());
    }

    /// <summary>Random bytes in the command slot, over and over: nothing but refusals and well-formed objects.</summary>
    [Fact]
    public void Random_commands_never_get_through_to_the_daemon()
    {
        const int Seed = 20261122;
        var random = new Random(Seed);
        using var guest = new TestGuest(new GuestOptions { Pages = 512 });
        uint domain = guest.CreateDomain();
        guest.CreateCompletionQueue();
        PvrdmaCreateMr region = new GuestRegion(guest, domain, 4096, 0, ReadWrite).Request;
        var slot = new Span<byte>(guest.Memory.At(guest.CommandSlot), PvrdmaCommands.RequestBytesMax);
        for (int i = 0; i < 50_000; i++)
        {
            random.NextBytes(slot);
            *(uint*)guest.Memory.At(guest.CommandSlot + 8) = (uint)random.Next(22);
            for (int word = 4; word < PvrdmaCommands.RequestBytesMax / 4; word++)
            {
                // Mostly small numbers, so that checks are passed now and then.
                uint value = random.Next(4) switch
                {
                    0 => (uint)random.Next(4),
                    1 => 1u << random.Next(32),
                    2 => (uint)region.DirectoryAddress,
                    _ => (uint)random.Next(),
                };
                if (random.Next(2) == 0)
                {
                    *(uint*)guest.Memory.At(guest.CommandSlot + ((ulong)word * 4)) = value;
                }
            }

            guest.Write(PvrdmaRegister.Request, 0);
        }

        Assert.Equal(50_002ul, guest.Device.Statistics.Commands);
        Assert.False(guest.Device.IsFatal);
        guest.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
        Assert.Equal(0, guest.Device.PinnedPages);
    }
}
