namespace Hostile.Tests.Guests.Cases;

/// <summary>Page directories that point where they must not, for each kind of object that has one.</summary>
internal static unsafe class PageDirectoryCases
{
    private const string Class = "page directories";

    private static readonly (string Name, Func<Attack, (PvrdmaCommand Command, ulong Directory, Action<ulong> Send)> Make)[] Objects =
    [
        ("region", attack =>
        {
            PvrdmaCreateMr request = new GuestRegion(attack.Mallory, attack.Mallory.CreateDomain(), 5 * 4096, 0x10_0000, Attack.AllAccess).Request;
            return (PvrdmaCommand.CreateMr, request.DirectoryAddress,
                directory => Refuse(attack, PvrdmaCommand.CreateMr, request with { DirectoryAddress = directory }));
        }),
        ("completion queue", attack =>
        {
            PvrdmaCreateCq request = new GuestCompletionQueue(attack.Mallory, 256).Request;
            return (PvrdmaCommand.CreateCq, request.DirectoryAddress,
                directory => Refuse(attack, PvrdmaCommand.CreateCq, request with { DirectoryAddress = directory }));
        }),
        ("queue pair", attack =>
        {
            GuestCompletionQueue queue = attack.Mallory.CreateCompletionQueue();
            PvrdmaCreateQp request = new GuestQueuePair(attack.Mallory, attack.Mallory.CreateDomain(), queue, queue).Request;
            return (PvrdmaCommand.CreateQp, request.DirectoryAddress,
                directory => Refuse(attack, PvrdmaCommand.CreateQp, request with { DirectoryAddress = directory }));
        }),
    ];

    private static readonly (string Name, Func<Attack, ulong, ulong> Bend)[] Lies =
    [
        ("directory just outside guest memory", (attack, directory) => attack.Beyond),
        ("directory in the last four bytes", (attack, directory) => attack.Beyond - 4),
        ("directory at the top of the address space", (attack, directory) => ulong.MaxValue - 7),
        ("directory not aligned", (attack, directory) => directory + 1),
        ("directory at 2^63", (attack, directory) => 1ul << 63),
        ("table just outside guest memory", (attack, directory) => With(attack, directory, 0, attack.Beyond)),
        ("table across the end of guest memory", (attack, directory) => With(attack, directory, 0, attack.Beyond - 8)),
        ("table whose end wraps", (attack, directory) => With(attack, directory, 0, ulong.MaxValue - 7)),
        ("table not aligned", (attack, directory) => With(attack, directory, 0, attack.TableOf(directory) + 4)),
        ("first page outside guest memory", (attack, directory) => WithPage(attack, directory, 0, attack.Beyond)),
        ("last page outside guest memory", (attack, directory) => WithPage(attack, directory, 4, attack.Beyond)),
        ("page across the end of guest memory", (attack, directory) => WithPage(attack, directory, 2, attack.Beyond - 4095)),
        ("page at the top of the address space", (attack, directory) => WithPage(attack, directory, 1, ulong.MaxValue & ~4095ul)),
        ("page not aligned", (attack, directory) => WithPage(attack, directory, 1, 4097)),
        ("directory that is its own table, of pages that are none", (attack, directory) =>
        {
            With(attack, directory, 0, directory);
            return With(attack, directory, 1, 12345);
        }),
        ("table at the directory's second entry", (attack, directory) =>
        {
            With(attack, directory, 0, directory + 8);
            return With(attack, directory, 1, ulong.MaxValue);
        }),
    ];

    public static IEnumerable<AttackCase> All =>
    [
        .. from each in Objects
           from lie in Lies
           select new AttackCase(Class, $"{each.Name}: {lie.Name}", attack =>
           {
               (_, ulong directory, Action<ulong> send) = each.Make(attack);
               long pinned = attack.Mallory.Device.PinnedPages;
               send(lie.Bend(attack, directory));
               Assert.Equal(pinned, attack.Mallory.Device.PinnedPages);
           }),
        .. Cyclic,
    ];

    /// <summary>Directories that end in themselves are a guest's right: what is there are aligned pages inside of its own memory.</summary>
    private static IEnumerable<AttackCase> Cyclic =>
    [
        new AttackCase(Class, "a directory that is its own table and its own page", attack =>
        {
            ulong page = attack.Mallory.Memory.AllocatePage();
            for (uint entry = 0; entry < 512; entry++)
            {
                attack.Word(page + (entry * 8ul)) = page;
            }

            uint domain = attack.Mallory.CreateDomain();
            var request = new PvrdmaCreateMr
            {
                Start = 0x10_0000, Length = 512 * 4096, DirectoryAddress = page, PdHandle = domain, Access = (uint)Attack.AllAccess, PageCount = 512,
            };
            attack.Granted(PvrdmaCommand.CreateMr, request);
        }),
        new AttackCase(Class, "a completion queue whose entries are written over its own directory", attack =>
        {
            ulong page = attack.Mallory.Memory.AllocatePage();
            for (uint entry = 0; entry < 512; entry++)
            {
                attack.Word(page + (entry * 8ul)) = page;
            }

            var request = new PvrdmaCreateCq { DirectoryAddress = page, EntryCount = 64, PageCount = 2 };
            Assert.Equal(
                PvrdmaCommandError.None, attack.Mallory.Command(PvrdmaCommand.CreateCq, request, out PvrdmaCreateCqResponse response));
            FillWithCompletions(attack, response.CqHandle);
        }),
        new AttackCase(Class, "a completion queue whose entries are written over the command slot and the shared region", attack =>
        {
            ulong header = attack.Mallory.Memory.AllocatePage();
            ulong directory = attack.Mallory.Memory.Directory([header, attack.Mallory.CommandSlot, attack.Mallory.ResponseSlot, attack.Mallory.Region]);
            var request = new PvrdmaCreateCq { DirectoryAddress = directory, EntryCount = 128, PageCount = 4 };
            Assert.Equal(
                PvrdmaCommandError.None, attack.Mallory.Command(PvrdmaCommand.CreateCq, request, out PvrdmaCreateCqResponse response));
            FillWithCompletions(attack, response.CqHandle);
        }),
        new AttackCase(Class, "a queue pair whose send ring, receive ring and state are one page", attack =>
        {
            GuestCompletionQueue queue = attack.Mallory.CreateCompletionQueue();
            PvrdmaCreateQp request = new GuestQueuePair(attack.Mallory, attack.Mallory.CreateDomain(), queue, queue).Request;
            ulong page = attack.Mallory.Memory.AllocatePage();
            ulong directory = attack.Mallory.Memory.Directory([.. Enumerable.Repeat(page, request.TotalPageCount)]);
            Assert.Equal(
                PvrdmaCommandError.None,
                attack.Mallory.Command(PvrdmaCommand.CreateQp, request with { DirectoryAddress = directory }, out PvrdmaCreateQpResponse response));
            attack.Word(page) = 0xDEAD_BEEF_1234_5678;
            for (uint bit = 0; bit < 2; bit++)
            {
                (bit == 0 ? DoorbellBitmap.ForSends(attack.Mallory.Control) : DoorbellBitmap.ForReceives(attack.Mallory.Control)).Set(response.QpHandle);
            }

            attack.Arena.Run();
        }),
    ];

    private static void FillWithCompletions(Attack attack, uint queueHandle)
    {
        GuestCompletionQueue own = attack.Here.Cq;
        GuestQueuePair qp = attack.Mallory.CreateQueuePair(attack.Here.Domain, own, own, request => request with { SendCqHandle = queueHandle });
        GuestQueuePair peer = attack.Partner.CreateQueuePair(attack.There.Domain, attack.There.Cq, attack.There.Cq);
        Arenas.Arena.Connect(qp, peer, attack.Mallory, attack.Partner);
        for (ulong id = 0; id < 40; id++)
        {
            qp.TryWriteSend(attack.Write(id), [attack.Here.Region.Sge(0, 8)]);
        }

        attack.Mallory.RingSend(qp);
        attack.Arena.Run();
    }

    private static void Refuse<T>(Attack attack, PvrdmaCommand command, T request)
        where T : unmanaged => attack.Refused(command, request, PvrdmaCommandError.BadAddress);

    private static ulong With(Attack attack, ulong directory, uint entry, ulong value)
    {
        attack.Word(directory + (entry * 8ul)) = value;
        return directory;
    }

    private static ulong WithPage(Attack attack, ulong directory, uint entry, ulong value)
    {
        attack.Word(attack.TableOf(directory) + (entry * 8ul)) = value;
        return directory;
    }
}
