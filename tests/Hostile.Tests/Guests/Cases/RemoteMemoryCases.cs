namespace Hostile.Tests.Guests.Cases;

/// <summary>Remote ranges and keys that Mallory may not touch: the peer refuses, and none of its bytes change.</summary>
internal static class RemoteMemoryCases
{
    private const string Class = "remote memory";

    private static readonly PvrdmaWrOpcode[] Operations = [PvrdmaWrOpcode.RdmaWrite, PvrdmaWrOpcode.RdmaRead, PvrdmaWrOpcode.AtomicFetchAdd];

    public static IEnumerable<AttackCase> All =>
    [
        .. Each("a key of 0", (attack, head) => WithKey(head, 0)),
        .. Each("a key of all ones", (attack, head) => WithKey(head, uint.MaxValue)),
        .. Each("a key with another tag", (attack, head) => WithKey(head, attack.There.Region.Key ^ 1)),
        .. Each("a key with another index", (attack, head) => WithKey(head, attack.There.Region.Key ^ 0x100)),
        .. Each("the key of her own region", (attack, head) => WithKey(head, attack.Here.Region.Key)),
        .. Each("the key of a region of another protection domain", (attack, head) => WithKey(head, OtherDomain(attack))),
        .. Each("the key of a destroyed region", (attack, head) =>
        {
            uint handle = attack.There.Region.Handle;
            Assert.Equal(PvrdmaCommandError.None, attack.Partner.Destroy(PvrdmaCommand.DestroyMr, handle));
            return head;
        }),
        .. Each("a range before its region", (attack, head) => head with { RemoteAddress = attack.There.Region.Start - 3 & ~7ul }),
        .. Each("a range beyond its region", (attack, head) => head with { RemoteAddress = (attack.There.Region.Start + 65_536 + 7) & ~7ul }),
        .. Each("a range whose end wraps", (attack, head) => head with { RemoteAddress = ulong.MaxValue - 7 }),
        .. Each("a region without that right", (attack, head) => WithKey(head, LocalOnly(attack))),
    ];

    private static IEnumerable<AttackCase> Each(string name, Func<Attack, PvrdmaSendWqe, PvrdmaSendWqe> lie) =>
        from operation in Operations
        select new AttackCase(Class, $"{operation}: {name}", attack =>
        {
            attack.There.Region.Fill(9);
            byte[] before = attack.There.Region.ToArray(0, 256);
            int bytes = operation == PvrdmaWrOpcode.AtomicFetchAdd ? 8 : 64;
            attack.Fails(PvrdmaWcStatus.RemoteAccessError, lie(attack, attack.Request(operation)), attack.Here.Region.Sge(0, bytes));
            Assert.Equal(before, attack.There.Region.ToArray(0, 256));
        });

    private static PvrdmaSendWqe WithKey(PvrdmaSendWqe head, uint key)
    {
        if (head.Opcode == (uint)PvrdmaWrOpcode.AtomicFetchAdd)
        {
            head.AtomicRemoteKey = key;
        }
        else
        {
            head.RdmaRemoteKey = key;
        }

        return head;
    }

    private static uint OtherDomain(Attack attack) =>
        attack.Partner.CreateRegion(attack.Partner.CreateDomain(), 65_536, Attack.AllAccess, attack.There.Region.Start).Key;

    private static uint LocalOnly(Attack attack) =>
        attack.Partner.CreateRegion(attack.There.Domain, 65_536, PvrdmaAccess.LocalWrite, attack.There.Region.Start).Key;
}
