using RoceEngine.Protocol;

namespace Hostile.Tests.Guests.Cases;

/// <summary>Masked atomics, ATOMIC WRITE and FLUSH that reach for more than they may have, or contradict themselves.</summary>
internal static class OperationCases
{
    private const string Class = "masked atomics, ATOMIC WRITE, FLUSH";

    private static readonly PvrdmaWrOpcode[] Masked = [PvrdmaWrOpcode.MaskedAtomicCompareSwap, PvrdmaWrOpcode.MaskedAtomicFetchAdd];

    public static IEnumerable<AttackCase> All => [.. MaskedAtomics, .. AtomicWrites, .. Flushes];

    private static IEnumerable<AttackCase> MaskedAtomics =>
    [
        .. from opcode in Masked
           from bytes in new[] { 1u, 2u, 4u, 5u, 31u, 64u, uint.MaxValue }
           select Fails($"{opcode} of 2^{bytes} bytes", opcode, 8, PvrdmaWcStatus.LocalQpOperationError, (_, head) => head with { MaskedLogArgumentBytes = bytes }),
        .. from opcode in Masked
           from offset in new[] { 1u, 4u, 7u }
           select Fails($"{opcode} at an address {offset} beyond a multiple of 8", opcode, 8, PvrdmaWcStatus.RemoteInvalidRequestError, (_, head) =>
               head with { RemoteAddress = head.RemoteAddress + offset }),
        .. from opcode in Masked
           from reach in Reaches
           select Fails($"{opcode} {reach.Name}", opcode, 8, PvrdmaWcStatus.RemoteAccessError, (attack, head) =>
           {
               reach.Bend(attack, out ulong address, out uint key);
               return head with { RemoteAddress = address & ~7ul, MaskedRemoteKey = key };
           }),
        .. from opcode in Masked
           select new AttackCase(Class, $"{opcode} with a result that does not fit", attack =>
           {
               PvrdmaSendWqe head = Request(attack, opcode);
               Assert.NotEqual((uint)PvrdmaWcStatus.Success, Assert.Single(attack.Post(head, attack.Here.Region.Sge(0, 7))).Status);
               attack.AssertErrorState();
           }),
    ];

    private static IEnumerable<AttackCase> AtomicWrites =>
    [
        .. from bytes in new[] { 0, 1, 4, 7, 9, 16, 4096 }
           select new AttackCase(Class, $"ATOMIC WRITE of {bytes} bytes", attack =>
           {
               attack.There.Region.Fill(4);
               byte[] before = attack.There.Region.ToArray(0, 8192);
               PvrdmaCqe entry = Assert.Single(attack.Post(Request(attack, PvrdmaWrOpcode.AtomicWrite), attack.Here.Region.Sge(0, bytes)));
               Assert.NotEqual((uint)PvrdmaWcStatus.Success, entry.Status);
               attack.AssertErrorState();
               Assert.Equal(before, attack.There.Region.ToArray(0, 8192));
           }),
        .. from offset in new[] { 1u, 4u, 7u }
           select Fails(
               $"ATOMIC WRITE at an address {offset} beyond a multiple of 8", PvrdmaWrOpcode.AtomicWrite, 8, PvrdmaWcStatus.RemoteInvalidRequestError,
               (_, head) => head with { RemoteAddress = head.RemoteAddress + offset }),
        .. from reach in Reaches
           select Fails($"ATOMIC WRITE {reach.Name}", PvrdmaWrOpcode.AtomicWrite, 8, PvrdmaWcStatus.RemoteAccessError, (attack, head) =>
           {
               reach.Bend(attack, out ulong address, out uint key);
               return head with { RemoteAddress = address & ~7ul, RdmaRemoteKey = key };
           }),
    ];

    private static IEnumerable<AttackCase> Flushes =>
    [
        .. from options in new[] { 4u, 8u, 32u, 0x100u, 0x8000_0001u, uint.MaxValue }
           select Fails($"FLUSH with options 0x{options:x}", PvrdmaWrOpcode.Flush, 0, PvrdmaWcStatus.LocalQpOperationError, (_, head) =>
               head with { FlushOptions = options }),
        Fails("FLUSH with data", PvrdmaWrOpcode.Flush, 64, PvrdmaWcStatus.LocalQpOperationError, (_, head) => head),
        Fails("FLUSH to a queue pair without that right", PvrdmaWrOpcode.Flush, 0, PvrdmaWcStatus.RemoteInvalidRequestError, (attack, head) =>
        {
            Assert.Equal(PvrdmaCommandError.None, Allow(attack, PvrdmaAccess.RemoteWrite));
            return head with { RdmaRemoteKey = Flushable(attack) };
        }),
        Fails("FLUSH of a region without that right", PvrdmaWrOpcode.Flush, 0, PvrdmaWcStatus.RemoteAccessError, (_, head) => head),
        Fails("persistent FLUSH of a region with the global right alone", PvrdmaWrOpcode.Flush, 0, PvrdmaWcStatus.RemoteAccessError, (attack, head) =>
            head with { RdmaRemoteKey = Flushable(attack), FlushOptions = (uint)FlushOptions.Persistent }),
        .. from length in new[] { 65_537u, 0x8000_0000u, uint.MaxValue }
           select Fails($"FLUSH of 0x{length:x} bytes of a region of 64 KiB", PvrdmaWrOpcode.Flush, 0, PvrdmaWcStatus.RemoteAccessError, (attack, head) =>
               head with { RdmaRemoteKey = Flushable(attack), RemoteAddress = attack.There.Region.Start, FlushLength = length }),
        .. from reach in Reaches
           select Fails($"FLUSH {reach.Name}", PvrdmaWrOpcode.Flush, 0, PvrdmaWcStatus.RemoteAccessError, (attack, head) =>
           {
               reach.Bend(attack, out ulong address, out uint key);
               return head with { RemoteAddress = address, RdmaRemoteKey = key };
           }),
    ];

    private delegate void Reach(Attack attack, out ulong address, out uint key);

    private static IEnumerable<(string Name, Reach Bend)> Reaches =>
    [
        ("behind the region", (Attack attack, out ulong address, out uint key) =>
            (address, key) = (attack.There.Region.Start + 65_536 + 8, attack.There.Region.Key)),
        ("at the top of the address space", (Attack attack, out ulong address, out uint key) =>
            (address, key) = (ulong.MaxValue - 7, attack.There.Region.Key)),
        ("under a key that is none", (Attack attack, out ulong address, out uint key) =>
            (address, key) = (attack.There.Region.Start + 7, attack.There.Region.Key ^ 0x1_0000)),
        ("under a key that may only be read", (Attack attack, out ulong address, out uint key) =>
        {
            address = attack.There.Region.Start + 7;
            key = attack.Partner.CreateRegion(attack.There.Domain, 65_536, PvrdmaAccess.RemoteRead, attack.There.Region.Start).Key;
        }),
    ];

    /// <summary>The request with a lie fails with that status, and the partner's memory is what it was.</summary>
    private static AttackCase Fails(
        string name, PvrdmaWrOpcode opcode, int bytes, PvrdmaWcStatus status, Func<Attack, PvrdmaSendWqe, PvrdmaSendWqe> lie) =>
        new(Class, name, attack =>
        {
            attack.There.Region.Fill(4);
            byte[] before = attack.There.Region.ToArray(0, 65_536);
            PvrdmaSendWqe head = lie(attack, Request(attack, opcode));
            if (bytes == 0)
            {
                attack.Fails(status, head with { SgeCount = 0 });
            }
            else
            {
                attack.Fails(status, head, attack.Here.Region.Sge(0, bytes));
            }

            Assert.Equal(before, attack.There.Region.ToArray(0, 65_536));
        });

    /// <summary>A request that would do, at the first aligned address of the partner's region.</summary>
    private static PvrdmaSendWqe Request(Attack attack, PvrdmaWrOpcode opcode)
    {
        var head = new PvrdmaSendWqe
        {
            WorkRequestId = 3,
            Opcode = (uint)opcode,
            Flags = (uint)PvrdmaSendFlags.Signaled,
            SgeCount = 1,
            RemoteAddress = (attack.There.Region.Start + 7) & ~7ul,
        };
        if (opcode is PvrdmaWrOpcode.MaskedAtomicCompareSwap or PvrdmaWrOpcode.MaskedAtomicFetchAdd)
        {
            head.MaskedRemoteKey = attack.There.Region.Key;
            head.MaskedSwapMask = head.MaskedCompareMask = ulong.MaxValue;
        }
        else
        {
            head.RdmaRemoteKey = attack.There.Region.Key;
        }

        if (opcode == PvrdmaWrOpcode.Flush)
        {
            // The partner's queue pair lets flushes in: what refuses them is the key.
            const PvrdmaAccess access = PvrdmaAccess.RemoteRead | PvrdmaAccess.RemoteWrite | PvrdmaAccess.FlushGlobal | PvrdmaAccess.FlushPersistent;
            Assert.Equal(PvrdmaCommandError.None, Allow(attack, access));
            head.FlushLength = 64;
            head.FlushOptions = (uint)FlushOptions.Global;
        }

        return head;
    }

    /// <summary>What the partner's queue pair lets in.</summary>
    private static PvrdmaCommandError Allow(Attack attack, PvrdmaAccess access) =>
        attack.There.Qp.Modify(new PvrdmaQpAttributes { Access = (uint)access }, QueuePairAttributeMask.AccessFlags);

    /// <summary>The key of a region of the partner's that may be flushed to where others see it.</summary>
    private static uint Flushable(Attack attack) => attack.Partner.CreateRegion(
        attack.There.Domain, 65_536, Attack.AllAccess | PvrdmaAccess.FlushGlobal, attack.There.Region.Start).Key;
}
