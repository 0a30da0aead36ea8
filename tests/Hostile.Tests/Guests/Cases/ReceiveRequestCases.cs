namespace Hostile.Tests.Guests.Cases;

/// <summary>Receive work requests that cannot be: the receiver ends, and its peer is told so.</summary>
internal static class ReceiveRequestCases
{
    private const string Class = "receive work requests";

    public static IEnumerable<AttackCase> All =>
    [
        .. from count in new[] { 5u, 16u, 17u, 256u, 0x8000_0000u, uint.MaxValue }
           select Impossible($"{count} scatter/gather entries where the queue has 4", new PvrdmaReceiveWqe { WorkRequestId = 9, SgeCount = count },
               attack => [attack.Here.Region.Sge(0, 64)]),
        Impossible("entries of more than 2^31 bytes", new PvrdmaReceiveWqe { WorkRequestId = 9, SgeCount = 2 },
            attack => [attack.Here.Region.Sge(0, 64) with { Length = 0x8000_0000 }, attack.Here.Region.Sge(0, 64)]),
        Unreachable("a key that names nothing", (attack, entry) => entry with { LocalKey = entry.LocalKey ^ 0x100 }),
        Unreachable("a range beyond its region", (attack, entry) => entry with { Address = entry.Address + 65_530 }),
        Unreachable("an address whose end wraps", (attack, entry) => entry with { Address = ulong.MaxValue - 3 }),
        Unreachable("the key of another guest's region", (attack, entry) =>
        {
            TestGuest alice = attack.Arena.Alice;
            return entry with { LocalKey = alice.CreateRegion(alice.CreateDomain(), 65_536, Attack.AllAccess, attack.Here.Region.Start).Key };
        }),
        Unreachable("a region that may not be written", (attack, entry) => entry with
        {
            LocalKey = attack.Mallory.CreateRegion(attack.Here.Domain, 65_536, PvrdmaAccess.RemoteRead, attack.Here.Region.Start).Key,
        }),
        new AttackCase(Class, "a buffer shorter than the message", attack =>
        {
            Assert.True(attack.Here.Qp.TryWriteReceive(new PvrdmaReceiveWqe { WorkRequestId = 9, SgeCount = 1 }, [attack.Here.Region.Sge(0, 63)]));
            SendToMallory(attack, 64, PvrdmaWcStatus.RemoteInvalidRequestError);
            Assert.Equal((uint)PvrdmaWcStatus.LocalLengthError, Assert.Single(attack.Here.Cq.PollAll()).Status);
        }),
        new AttackCase(Class, "no buffer at all, for ever", attack =>
        {
            attack.There.Qp.PostSend(
                new PvrdmaSendWqe { WorkRequestId = 3, Opcode = (uint)PvrdmaWrOpcode.Send, Flags = (uint)PvrdmaSendFlags.Signaled },
                attack.There.Region.Sge(0, 64));
            for (int i = 0; i < 50; i++)
            {
                attack.Arena.Wait(2_000_000);
            }

            // RNR retries of 7 are endless: nothing completes, nobody fails.
            Assert.Empty(attack.Here.Cq.PollAll());
            Assert.Empty(attack.There.Cq.PollAll());
        }),
    ];

    private static AttackCase Impossible(string name, PvrdmaReceiveWqe head, Func<Attack, PvrdmaSge[]> entries) => new(Class, name, attack =>
    {
        Assert.True(attack.Here.Qp.TryWriteReceive(head, entries(attack)));
        SendToMallory(attack, 64, PvrdmaWcStatus.RemoteOperationError);
        Assert.Equal((uint)PvrdmaWcStatus.LocalQpOperationError, Assert.Single(attack.Here.Cq.PollAll()).Status);
        Assert.Equal(1ul, attack.Faults(GuestFault.WorkRequest));
    });

    private static AttackCase Unreachable(string name, Func<Attack, PvrdmaSge, PvrdmaSge> lie) => new(Class, name, attack =>
    {
        Assert.True(attack.Here.Qp.TryWriteReceive(
            new PvrdmaReceiveWqe { WorkRequestId = 9, SgeCount = 1 }, [lie(attack, attack.Here.Region.Sge(0, 64))]));
        SendToMallory(attack, 64, PvrdmaWcStatus.RemoteOperationError);
        Assert.Equal((uint)PvrdmaWcStatus.LocalProtectionError, Assert.Single(attack.Here.Cq.PollAll()).Status);
    });

    /// <summary>The partner sends; Mallory's QP ends, and the partner's request with it.</summary>
    private static void SendToMallory(Attack attack, int bytes, PvrdmaWcStatus told)
    {
        attack.There.Qp.PostSend(
            new PvrdmaSendWqe { WorkRequestId = 3, Opcode = (uint)PvrdmaWrOpcode.Send, Flags = (uint)PvrdmaSendFlags.Signaled },
            attack.There.Region.Sge(0, bytes));
        attack.Arena.Run();
        attack.AssertErrorState();
        Assert.Equal((uint)told, Assert.Single(attack.There.Cq.PollAll()).Status);
    }
}
