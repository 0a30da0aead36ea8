namespace Hostile.Tests.Guests.Cases;

/// <summary>Handles that name nothing, no longer, or another guest's object.</summary>
internal static class HandleCases
{
    private const string Class = "handles";

    private static readonly PvrdmaCommand[] ByHandle =
    [
        PvrdmaCommand.DestroyPd, PvrdmaCommand.DestroyMr, PvrdmaCommand.DestroyCq, PvrdmaCommand.DestroyQp, PvrdmaCommand.DestroyUc,
        PvrdmaCommand.ModifyQp, PvrdmaCommand.QueryQp,
    ];

    public static IEnumerable<AttackCase> All =>
    [
        .. from command in ByHandle
           select new AttackCase(Class, $"{command} of handles that were never given out", attack =>
           {
               foreach (uint handle in new[] { 0u, 1u, 2u, 63u, 64u, 4096u, 32_767u, 32_768u, 65_536u, 1u << 24, 1u << 31, uint.MaxValue })
               {
                   attack.Refused(command, new PvrdmaModifyQp { QpHandle = handle }, PvrdmaCommandError.NoSuchObject);
               }
           }),
        .. from command in ByHandle
           select new AttackCase(Class, $"{command} of another guest's handle", attack =>
           {
               // Alice has more objects than Mallory: her last handle names nothing here, and stays what it is there.
               for (int i = 0; i < 20; i++)
               {
                   CreateAll(attack.Arena.Alice);
               }

               int[] before = CountsOf(attack.Arena.Alice);
               attack.Refused(command, new PvrdmaModifyQp { QpHandle = 20 }, PvrdmaCommandError.NoSuchObject);
               Assert.Equal(before, CountsOf(attack.Arena.Alice));
           }),
        Creation("a region of a protection domain that is none", (attack, stranger) => attack.Refused(
            PvrdmaCommand.CreateMr,
            new GuestRegion(attack.Mallory, stranger, 4096, 0x1000, Attack.AllAccess).Request,
            PvrdmaCommandError.NoSuchObject)),
        Creation("a queue pair of a protection domain that is none", (attack, stranger) => Pair(attack, request => request with { PdHandle = stranger })),
        Creation("a queue pair of a send completion queue that is none", (attack, stranger) => Pair(attack, request => request with { SendCqHandle = stranger })),
        Creation("a queue pair of a receive completion queue that is none", (attack, stranger) => Pair(attack, request => request with { ReceiveCqHandle = stranger })),
        Creation("a protection domain of a context that is none", (attack, stranger) => attack.Refused(
            PvrdmaCommand.CreatePd, new PvrdmaHandleCommand { Handle = Math.Max(stranger, 1) }, PvrdmaCommandError.NoSuchObject)),
        new AttackCase(Class, "a QPN in the place of a handle", attack =>
            attack.Refused(PvrdmaCommand.DestroyQp, new PvrdmaHandleCommand { Handle = attack.Here.Qp.Qpn | 0x10_0000 }, PvrdmaCommandError.NoSuchObject)),
        new AttackCase(Class, "a destroyed queue pair modified, queried and rung", attack =>
        {
            uint handle = attack.Here.Qp.Handle;
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyQp, handle));
            attack.Refused(PvrdmaCommand.ModifyQp, new PvrdmaModifyQp { QpHandle = handle, AttributeMask = 1, Attributes = { State = 6 } },
                PvrdmaCommandError.NoSuchObject);
            attack.Refused(PvrdmaCommand.QueryQp, new PvrdmaQueryQp { QpHandle = handle }, PvrdmaCommandError.NoSuchObject);
            ulong faults = attack.Faults(GuestFault.Doorbell);
            attack.Mallory.RingSend(attack.Here.Qp);
            attack.Mallory.RingReceive(attack.Here.Qp);
            attack.Arena.Run();
            Assert.Equal(faults + 2, attack.Faults(GuestFault.Doorbell));
        }),
        new AttackCase(Class, "handles used up by creating and destroying", attack =>
        {
            for (int i = 0; i < 300; i++)
            {
                uint domain = attack.Mallory.CreateDomain();
                Assert.InRange(domain, 1u, 49u);
                Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyPd, domain));
            }
        })
        { Limits = new DeviceLimits { ProtectionDomains = 50 } },
    ];

    /// <summary>Makes the object that a DESTROY command is about, on its own; its handle.</summary>
    public static uint Create(Attack attack, PvrdmaCommand destroy)
    {
        TestGuest mallory = attack.Mallory;
        switch (destroy)
        {
            case PvrdmaCommand.DestroyPd:
                return mallory.CreateDomain();
            case PvrdmaCommand.DestroyMr:
                return mallory.CreateRegion(mallory.CreateDomain(), 4096, Attack.AllAccess).Handle;
            case PvrdmaCommand.DestroyCq:
                return mallory.CreateCompletionQueue().Handle;
            case PvrdmaCommand.DestroyQp:
                GuestCompletionQueue queue = mallory.CreateCompletionQueue();
                return mallory.CreateQueuePair(mallory.CreateDomain(), queue, queue).Handle;
            default:
                Assert.Equal(PvrdmaCommandError.None, mallory.Command(PvrdmaCommand.CreateUc, default(PvrdmaCreateUc), out PvrdmaHandleResponse context));
                return context.Handle;
        }
    }

    private static AttackCase Creation(string name, Action<Attack, uint> create) => new(Class, name, attack =>
    {
        for (int i = 0; i < 20; i++)
        {
            CreateAll(attack.Arena.Alice);
        }

        foreach (uint stranger in new[] { 0u, 20u, 4095u, 1u << 31, uint.MaxValue })
        {
            create(attack, stranger);
        }
    });

    private static void Pair(Attack attack, Func<PvrdmaCreateQp, PvrdmaCreateQp> lie)
    {
        GuestCompletionQueue queue = attack.Mallory.CreateCompletionQueue(16);
        PvrdmaCreateQp request = new GuestQueuePair(attack.Mallory, attack.Mallory.CreateDomain(), queue, queue).Request;
        attack.Refused(PvrdmaCommand.CreateQp, lie(request), PvrdmaCommandError.NoSuchObject);
    }

    private static void CreateAll(TestGuest guest)
    {
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue(16);
        guest.CreateRegion(domain, 64, Attack.AllAccess);
        guest.CreateQueuePair(domain, queue, queue, request => request with { MaxSendWr = 1, MaxReceiveWr = 1 });
        guest.Command(PvrdmaCommand.CreateUc, default(PvrdmaCreateUc));
    }

    private static int[] CountsOf(TestGuest guest) =>
    [
        guest.Device.QueuePairCount, guest.Device.CompletionQueueCount, guest.Device.MemoryRegionCount, guest.Device.ProtectionDomainCount,
        guest.Device.UserContextCount,
    ];
}
