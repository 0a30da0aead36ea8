using RoceEngine.Protocol;

namespace Hostile.Tests.Guests;

/// <summary>Every object, and what can come in the way of its creation after the device has begun with it.</summary>
internal static unsafe class CreationCatalogue
{
    private const ulong Start = 0x7000_0000_0000;

    private static readonly DeviceLimits OneOfEach = new()
    {
        ProtectionDomains = 2, CompletionQueues = 2, MemoryRegions = 2, QueuePairs = 2, SharedReceiveQueues = 2, MemoryWindows = 2, MulticastGroups = 1,
    };

    public static IReadOnlyList<Creation> All { get; } =
    [
        .. Domains, .. CompletionQueues, .. Regions, .. QueuePairs, .. SharedReceiveQueues, .. WindowsAndFastRegions, .. Groups,
    ];

    private static IEnumerable<Creation> Domains =>
    [
        Full("protection domain", world => world.Command(PvrdmaCommand.CreatePd, default(PvrdmaHandleCommand)), world =>
        {
            // The only domain can go when nothing is in it.
            world.Destroys(PvrdmaCommand.DestroySrq, world.Shared.Handle)();
            world.Destroys(PvrdmaCommand.DestroyPd, world.Domain)();
        }),
    ];

    private static IEnumerable<Creation> CompletionQueues =>
    [
        LastPage("completion queue", world =>
        {
            PvrdmaCreateCq request = new GuestCompletionQueue(world.Guest, 1024).Request;
            return (request.DirectoryAddress, request.PageCount, world.Command(PvrdmaCommand.CreateCq, request));
        }),
        Full("completion queue", world => world.Command(PvrdmaCommand.CreateCq, new GuestCompletionQueue(world.Guest, 1024).Request), world =>
            world.Destroys(PvrdmaCommand.DestroyCq, world.Queue.Handle)()),
        LastPage("resized completion queue", world =>
        {
            PvrdmaResizeCqPages request = Resize(world, 1024);
            return (request.DirectoryAddress, request.PageCount, world.Command(PvrdmaCommand.ResizeCqPages, request));
        }),
        new Creation("resized completion queue: more entries in it than the new one holds", PvrdmaCommandError.InvalidArgument, world =>
        {
            GuestQueuePair qp = world.Guest.CreateQueuePair(world.Domain, world.Queue, world.Queue);
            qp.ToInit();
            for (ulong id = 0; id < 40; id++)
            {
                qp.PostReceive(id);
            }

            Assert.Equal(PvrdmaCommandError.None, qp.ModifyState(PvrdmaQpState.Error));
            world.Guest.Device.HarvestDoorbells(64, world.Guest.NowNs);
            world.Guest.Device.PublishCompletions();
            return (world.Command(PvrdmaCommand.ResizeCqPages, Resize(world, 32)), () => Assert.Equal(40, world.Queue.PollAll().Count));
        }),
    ];

    private static IEnumerable<Creation> Regions =>
    [
        LastPage("region", world =>
        {
            PvrdmaCreateMr request = Region(world);
            return (request.DirectoryAddress, request.PageCount, world.Command(PvrdmaCommand.CreateMr, request));
        }),
        FullRegions("region", Region),
        LastPage("re-registered region, with another domain and other rights", world =>
        {
            PvrdmaCreateMr made = Region(world);
            world.Guest.Command(PvrdmaCommand.CreateMr, made, out PvrdmaCreateMrResponse response);
            PvrdmaCreateMr other = Region(world);
            var request = new PvrdmaReregisterMr
            {
                MrHandle = response.MrHandle,
                Flags = PvrdmaReregisterMr.ChangeTranslation | PvrdmaReregisterMr.ChangePd | PvrdmaReregisterMr.ChangeAccess,
                Start = other.Start,
                Length = other.Length,
                DirectoryAddress = other.DirectoryAddress,
                PageCount = other.PageCount,
                PdHandle = world.Guest.CreateDomain(),
                Access = (uint)PvrdmaAccess.RemoteRead,
            };
            return (request.DirectoryAddress, request.PageCount, world.Command(PvrdmaCommand.ReregisterMr, request));
        }),
    ];

    private static IEnumerable<Creation> QueuePairs =>
        from type in new[] { PvrdmaQpType.Rc, PvrdmaQpType.Uc, PvrdmaQpType.Ud }
        from shared in new[] { false, true }
        let name = $"{type} queue pair{(shared ? " with a shared receive queue" : string.Empty)}"
        from creation in new[]
        {
            LastPage(name, world =>
            {
                PvrdmaCreateQp request = QueuePair(world, type, shared);
                return (request.DirectoryAddress, request.TotalPageCount, world.Command(PvrdmaCommand.CreateQp, request));
            }),
            new Creation($"{name}: the protocol refuses it", PvrdmaCommandError.NotSupported, world =>
            {
                world.RefusesQueuePairs = true;
                return (world.Command(PvrdmaCommand.CreateQp, QueuePair(world, type, shared)), () => world.RefusesQueuePairs = false);
            }),
            new Creation($"{name}: no handle is left", PvrdmaCommandError.LimitReached, world =>
            {
                GuestQueuePair first = world.Guest.CreateQueuePair(world.Domain, world.Queue, world.Queue);
                return (world.Command(PvrdmaCommand.CreateQp, QueuePair(world, type, shared)), world.Destroys(PvrdmaCommand.DestroyQp, first.Handle));
            })
            { Limits = OneOfEach },
        }
        select creation;

    private static IEnumerable<Creation> SharedReceiveQueues =>
    [
        LastPage("shared receive queue", world =>
        {
            PvrdmaCreateSrq request = new GuestSharedReceiveQueue(world.Guest, world.Domain, workRequests: 256).Request;
            return (request.DirectoryAddress, request.PageCount, world.Command(PvrdmaCommand.CreateSrq, request));
        }),
        Full("shared receive queue", world => world.Command(PvrdmaCommand.CreateSrq, new GuestSharedReceiveQueue(world.Guest, world.Domain).Request), world =>
            world.Destroys(PvrdmaCommand.DestroySrq, world.Shared.Handle)()),
    ];

    private static IEnumerable<Creation> WindowsAndFastRegions =>
    [
        .. from type in new[] { 1u, 2u }
           select new Creation($"memory window of type {type}: no handle is left", PvrdmaCommandError.LimitReached, world =>
           {
               var request = new PvrdmaCreateMw { PdHandle = world.Domain, Type = type };
               Assert.Equal(PvrdmaCommandError.None, world.Guest.Command(PvrdmaCommand.CreateMw, request, out PvrdmaCreateMwResponse first));
               return (world.Command(PvrdmaCommand.CreateMw, request), world.Destroys(PvrdmaCommand.DestroyMw, first.MwHandle));
           })
           { Limits = OneOfEach },
        FullRegions("fast-registration region", world => Fast(world, 4)),
        new Creation("fast-registration region: no pages are left", PvrdmaCommandError.LimitReached, world =>
        {
            world.Guest.Command(PvrdmaCommand.CreateMr, Fast(world, 64), out PvrdmaCreateMrResponse first);
            return (world.Command(PvrdmaCommand.CreateMr, Fast(world, 64)), world.Destroys(PvrdmaCommand.DestroyMr, first.MrHandle));
        })
        { Limits = new DeviceLimits { PinnedPages = 100 } },
    ];

    private static IEnumerable<Creation> Groups =>
    [
        .. from error in new[] { 22, 105 }
           select new Creation(
               $"membership of a group: the link answers {error}", error == 22 ? PvrdmaCommandError.InvalidArgument : PvrdmaCommandError.LimitReached, world =>
           {
               world.Guest.Environment.JoinError = error;
               return (world.Command(PvrdmaCommand.AttachMulticast, Member(world, 1)), () => world.Guest.Environment.JoinError = 0);
           }),
        new Creation("membership of a group: no group is left", PvrdmaCommandError.LimitReached, world =>
        {
            PvrdmaMulticast first = Member(world, 1);
            Assert.Equal(PvrdmaCommandError.None, world.Guest.Command(PvrdmaCommand.AttachMulticast, first));
            PvrdmaMulticast second = first;
            second.Group[15] = 2;
            return (world.Command(PvrdmaCommand.AttachMulticast, second),
                () => Assert.Equal(PvrdmaCommandError.None, world.Guest.Command(PvrdmaCommand.DetachMulticast, first)));
        })
        { Limits = OneOfEach },
        new Creation("membership of a group: the group is full", PvrdmaCommandError.LimitReached, world =>
        {
            PvrdmaMulticast first = Member(world, 1);
            Assert.Equal(PvrdmaCommandError.None, world.Guest.Command(PvrdmaCommand.AttachMulticast, first));
            return (world.Command(PvrdmaCommand.AttachMulticast, Member(world, 1)),
                () => Assert.Equal(PvrdmaCommandError.None, world.Guest.Command(PvrdmaCommand.DetachMulticast, first)));
        })
        { Limits = new DeviceLimits { QueuePairsPerMulticastGroup = 1 } },
    ];

    private static Creation LastPage(
        string name, Func<CreationWorld, (ulong Directory, uint Pages, Func<PvrdmaCommandError> Attempt)> prepare) =>
        new($"{name}: its last page is outside guest memory", PvrdmaCommandError.BadAddress, world =>
        {
            (ulong directory, uint pages, Func<PvrdmaCommandError> attempt) = prepare(world);
            return world.LastPageOutside(directory, pages, attempt);
        });

    private static Creation Full(string name, Func<CreationWorld, Func<PvrdmaCommandError>> attempt, Action<CreationWorld> mend) =>
        new($"{name}: no handle is left", PvrdmaCommandError.LimitReached, world => (attempt(world), () => mend(world))) { Limits = OneOfEach };

    private static Creation FullRegions(string name, Func<CreationWorld, PvrdmaCreateMr> request) =>
        new($"{name}: no handle is left", PvrdmaCommandError.LimitReached, world =>
        {
            world.Guest.Command(PvrdmaCommand.CreateMr, request(world), out PvrdmaCreateMrResponse first);
            return (world.Command(PvrdmaCommand.CreateMr, request(world)), world.Destroys(PvrdmaCommand.DestroyMr, first.MrHandle));
        })
        { Limits = OneOfEach };

    private static PvrdmaCreateMr Region(CreationWorld world) => new GuestRegion(world.Guest, world.Domain, 64 * 4096, Start, Attack.AllAccess).Request;

    private static PvrdmaCreateMr Fast(CreationWorld world, uint pages) =>
        new() { PdHandle = world.Domain, Flags = PvrdmaMrFlags.FastRegister, PageCount = pages };

    private static PvrdmaCreateQp QueuePair(CreationWorld world, PvrdmaQpType type, bool shared)
    {
        PvrdmaCreateQp request = new GuestQueuePair(world.Guest, world.Domain, world.Queue, world.Queue).Request;
        request.QpType = (byte)type;
        if (shared)
        {
            // The pages of the send queue are the last ones that count.
            request.UsesSrq = 1;
            request.SrqHandle = world.Shared.Handle;
            request.TotalPageCount = (ushort)(1 + request.SendPageCount);
        }

        return request;
    }

    private static PvrdmaResizeCqPages Resize(CreationWorld world, uint entries)
    {
        PvrdmaCreateCq pages = new GuestCompletionQueue(world.Guest, entries).Request;
        return new PvrdmaResizeCqPages
        {
            CqHandle = world.Queue.Handle, DirectoryAddress = pages.DirectoryAddress, EntryCount = entries, PageCount = pages.PageCount,
        };
    }

    private static PvrdmaMulticast Member(CreationWorld world, byte group)
    {
        GuestQueuePair qp = world.Guest.CreateQueuePair(
            world.Domain, world.Queue, world.Queue, request => request with { QpType = (byte)PvrdmaQpType.Ud });
        var request = new PvrdmaMulticast { QpHandle = qp.Handle };
        request.Group[0] = 0xFF;
        request.Group[15] = group;
        return request;
    }
}
