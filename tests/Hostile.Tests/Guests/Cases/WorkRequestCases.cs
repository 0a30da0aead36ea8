namespace Hostile.Tests.Guests.Cases;

/// <summary>Send work requests that cannot be: each completes with an error, and the QP is in error.</summary>
internal static class WorkRequestCases
{
    private const string Class = "send work requests";

    public static IEnumerable<AttackCase> All =>
    [
        .. TooManyEntries, .. Opcodes, .. Flags, .. Inline, .. Lengths, .. Atomics, .. LocalMemory,
    ];

    private static IEnumerable<AttackCase> TooManyEntries =>
        from count in new[] { 5u, 16u, 17u, 255u, 256u, 260u, 65_536u, 0x8000_0000u, uint.MaxValue }
        select new AttackCase(Class, $"{count} scatter/gather entries where the queue has 4", attack =>
        {
            attack.Fails(PvrdmaWcStatus.LocalQpOperationError, attack.Write() with { SgeCount = count }, attack.Here.Region.Sge(0, 64));
            Assert.Equal(1ul, attack.Faults(GuestFault.WorkRequest));
        });

    private static IEnumerable<AttackCase> Opcodes =>
        from opcode in new[] { 7u, 9u, 15u, 16u, 17u, 31u, 0xFFu, 0x102u, 0x1000_0000u, 0x8000_0000u, uint.MaxValue }
        select new AttackCase(Class, $"opcode 0x{opcode:x}", attack =>
            attack.Fails(PvrdmaWcStatus.LocalQpOperationError, attack.Write() with { Opcode = opcode }, attack.Here.Region.Sge(0, 64)));

    private static IEnumerable<AttackCase> Flags =>
        from flags in new[] { 0x20u, 0x40u, 0x8000_0000u, 0xFFFF_FFE0u }
        select new AttackCase(Class, $"flags 0x{flags:x}", attack =>
            attack.Fails(PvrdmaWcStatus.LocalQpOperationError, attack.Write() with { Flags = flags | 2 }, attack.Here.Region.Sge(0, 64)));

    private static IEnumerable<AttackCase> Inline =>
    [
        .. from bytes in new[] { 65u, 257u, 4096u, 0x8000_0000u, uint.MaxValue }
           select new AttackCase(Class, $"{bytes} inline bytes where the queue has 64", attack => attack.Fails(
               PvrdmaWcStatus.LocalQpOperationError,
               attack.Write() with { Flags = (uint)(PvrdmaSendFlags.Inline | PvrdmaSendFlags.Signaled), TotalBytes = bytes })),
        .. from opcode in new[] { PvrdmaWrOpcode.RdmaRead, PvrdmaWrOpcode.AtomicCompareSwap, PvrdmaWrOpcode.AtomicFetchAdd }
           select new AttackCase(Class, $"{opcode} with inline data", attack => attack.Fails(
               PvrdmaWcStatus.LocalQpOperationError,
               attack.Request(opcode) with { Flags = (uint)(PvrdmaSendFlags.Inline | PvrdmaSendFlags.Signaled), TotalBytes = 8 })),
        new AttackCase(Class, "more inline bytes than slot, page and memory, in the last slot of the last page", attack =>
        {
            for (ulong id = 0; id < 63; id++)
            {
                attack.Post(attack.Write(id), attack.Here.Region.Sge(0, 8));
            }

            attack.Fails(
                PvrdmaWcStatus.LocalQpOperationError,
                attack.Write() with { Flags = (uint)(PvrdmaSendFlags.Inline | PvrdmaSendFlags.Signaled), TotalBytes = 1 << 30 });
        }),
    ];

    private static IEnumerable<AttackCase> Lengths =>
    [
        .. from lengths in new[]
           {
               [0x8000_0001u], [uint.MaxValue], [0x8000_0000u, 1u], [0x4000_0000u, 0x4000_0000u, 1u],
               new[] { uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue },
           }
           select new AttackCase(Class, $"entries of {string.Join(" + ", lengths.Select(each => $"0x{each:x}"))} bytes, more than 2^31", attack =>
           {
               PvrdmaSge[] entries = [.. lengths.Select(each => attack.Here.Region.Sge(0, 64) with { Length = each })];
               attack.Fails(PvrdmaWcStatus.LocalQpOperationError, attack.Write() with { SgeCount = (uint)entries.Length }, entries);
           }),
        new AttackCase(Class, "a WRITE of 2^31 bytes from a region of 64 KiB", attack => attack.Fails(
            PvrdmaWcStatus.LocalProtectionError, attack.Write(), attack.Here.Region.Sge(0, 64) with { Length = 0x8000_0000 })),
        new AttackCase(Class, "a READ of 2^31 bytes into a region of 64 KiB", attack =>
        {
            PvrdmaCqe entry = Assert.Single(attack.Post(
                attack.Request(PvrdmaWrOpcode.RdmaRead), attack.Here.Region.Sge(0, 64) with { Length = 0x8000_0000 }));
            Assert.Contains((PvrdmaWcStatus)entry.Status, new[] { PvrdmaWcStatus.LocalProtectionError, PvrdmaWcStatus.RemoteAccessError });
        }),
        new AttackCase(Class, "TotalBytes that contradicts the entries counts for nothing", attack =>
        {
            PvrdmaCqe entry = Assert.Single(attack.Post(attack.Write() with { TotalBytes = uint.MaxValue }, attack.Here.Region.Sge(0, 64)));
            Assert.Equal((uint)PvrdmaWcStatus.Success, entry.Status);
            attack.StillWorks();
        }),
    ];

    private static IEnumerable<AttackCase> Atomics =>
    [
        .. from opcode in new[] { PvrdmaWrOpcode.AtomicCompareSwap, PvrdmaWrOpcode.AtomicFetchAdd }
           from bytes in new[] { 0, 4, 7, 9, 64 }
           select new AttackCase(Class, $"{opcode} with a result of {bytes} bytes", attack =>
           {
               PvrdmaCqe entry = Assert.Single(attack.Post(attack.Request(opcode), attack.Here.Region.Sge(0, bytes)));
               if (bytes < 8)
               {
                   Assert.NotEqual((uint)PvrdmaWcStatus.Success, entry.Status);
                   attack.AssertErrorState();
               }
           }),
        .. from offset in new[] { 1u, 4u, 7u }
           select new AttackCase(Class, $"an atomic at an address {offset} beyond a multiple of 8", attack =>
           {
               PvrdmaSendWqe head = attack.Request(PvrdmaWrOpcode.AtomicFetchAdd);
               attack.Fails(
                   PvrdmaWcStatus.RemoteInvalidRequestError, head with { RemoteAddress = head.RemoteAddress + offset },
                   attack.Here.Region.Sge(0, 8));
           }),
        new AttackCase(Class, "an atomic at the last byte of a region", attack =>
        {
            PvrdmaSendWqe head = attack.Request(PvrdmaWrOpcode.AtomicFetchAdd);
            head.RemoteAddress = (attack.There.Region.Start + 65_535) & ~7ul;
            attack.Fails(PvrdmaWcStatus.RemoteAccessError, head, attack.Here.Region.Sge(0, 8));
        }),
    ];

    private static IEnumerable<AttackCase> LocalMemory =>
    [
        Protection("a local key of 0", (attack, entry) => entry with { LocalKey = 0 }),
        Protection("a local key of all ones", (attack, entry) => entry with { LocalKey = uint.MaxValue }),
        Protection("a local key one off", (attack, entry) => entry with { LocalKey = entry.LocalKey ^ 1 }),
        Protection("a local key of another tag", (attack, entry) => entry with { LocalKey = entry.LocalKey ^ 0x80 }),
        Protection("the peer's key as the local key", (attack, entry) => entry with { LocalKey = attack.There.Region.Key }),
        Protection("the key of another guest's region", (attack, entry) =>
        {
            GuestRegion region = attack.Arena.Alice.CreateRegion(attack.Arena.Alice.CreateDomain(), 65_536, Attack.AllAccess, attack.Here.Region.Start);
            return entry with { LocalKey = region.Key };
        }),
        Protection("the key of a region of another protection domain", (attack, entry) =>
        {
            GuestRegion region = attack.Mallory.CreateRegion(attack.Mallory.CreateDomain(), 65_536, Attack.AllAccess, attack.Here.Region.Start);
            return entry with { LocalKey = region.Key };
        }),
        Protection("the key of a destroyed region", (attack, entry) =>
        {
            GuestRegion region = attack.Mallory.CreateRegion(attack.Here.Domain, 65_536, Attack.AllAccess, attack.Here.Region.Start);
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyMr, region.Handle));
            return entry with { LocalKey = region.Key };
        }),
        Protection("a byte before the region", (attack, entry) => entry with { Address = entry.Address - 1 }),
        Protection("a byte after the region", (attack, entry) => entry with { Address = entry.Address + 65_536 - 63 }),
        Protection("address 0", (attack, entry) => entry with { Address = 0 }),
        Protection("an address whose end wraps", (attack, entry) => entry with { Address = ulong.MaxValue - 10 }),
        Protection("an offset that wraps to the region's start", (attack, entry) =>
            entry with { Address = entry.Address - 64, Length = 128 }),
        new AttackCase(Class, "a READ into a region that may not be written", attack =>
        {
            GuestRegion region = attack.Mallory.CreateRegion(attack.Here.Domain, 65_536, PvrdmaAccess.RemoteRead, attack.Here.Region.Start);
            attack.Fails(PvrdmaWcStatus.LocalProtectionError, attack.Request(PvrdmaWrOpcode.RdmaRead), region.Sge(0, 64));
        }),
    ];

    private static AttackCase Protection(string name, Func<Attack, PvrdmaSge, PvrdmaSge> lie) => new(Class, name, attack =>
        attack.Fails(PvrdmaWcStatus.LocalProtectionError, attack.Write(), lie(attack, attack.Here.Region.Sge(0, 64))));
}
