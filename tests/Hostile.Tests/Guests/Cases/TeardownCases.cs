namespace Hostile.Tests.Guests.Cases;

/// <summary>Objects pulled away while the device works with them.</summary>
internal static class TeardownCases
{
    private const string Class = "teardown under way";

    public static IEnumerable<AttackCase> All =>
    [
        UnderWay("the queue pair destroyed while it sends", attack =>
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyQp, attack.Here.Qp.Handle))),
        UnderWay("the queue pair moved to error while it sends", attack => attack.Here.Qp.ModifyState(PvrdmaQpState.Error)),
        UnderWay("the queue pair reset while it sends", attack => attack.Here.Qp.ModifyState(PvrdmaQpState.Reset)),
        UnderWay("the region destroyed while it is sent from", attack =>
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyMr, attack.Here.Region.Handle))),
        UnderWay("the device reset while it sends", attack =>
            attack.Mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset)),
        UnderWay("everything destroyed in the right order while it sends", attack =>
        {
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyQp, attack.Here.Qp.Handle));
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyMr, attack.Here.Region.Handle));
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyCq, attack.Here.Cq.Handle));
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyPd, attack.Here.Domain));
        }),
        new AttackCase(Class, "the region destroyed while the peer reads it", attack =>
        {
            Read(attack);
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyMr, attack.Here.Region.Handle));
            attack.Arena.Run();
        }),
        new AttackCase(Class, "the queue pair destroyed while the peer reads through it", attack =>
        {
            Read(attack);
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyQp, attack.Here.Qp.Handle));
            attack.Arena.Run();
        }),
        new AttackCase(Class, "a completion queue destroyed with a notification waiting", attack =>
        {
            GuestCompletionQueue queue = attack.Mallory.CreateCompletionQueue();
            GuestQueuePair qp = attack.Mallory.CreateQueuePair(attack.Here.Domain, queue, queue);
            GuestQueuePair peer = attack.Partner.CreateQueuePair(attack.There.Domain, attack.There.Cq, attack.There.Cq);
            Arenas.Arena.Connect(qp, peer, attack.Mallory, attack.Partner);
            queue.Arm(solicited: false);
            qp.TryWriteSend(attack.Write(), [attack.Here.Region.Sge(0, 8)]);
            attack.Mallory.RingSend(qp);
            attack.Arena.Turn();
            attack.Arena.Turn();
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyQp, qp.Handle));
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyCq, queue.Handle));
            attack.Arena.Run();
        }),
        new AttackCase(Class, "five hundred queue pairs made, connected, rung and destroyed", attack =>
        {
            for (int i = 0; i < 500; i++)
            {
                GuestQueuePair qp = attack.Mallory.CreateQueuePair(
                    attack.Here.Domain, attack.Here.Cq, attack.Here.Cq, request => request with { MaxSendWr = 2, MaxReceiveWr = 2 });
                qp.ToInit();
                qp.ToReadyToReceive(attack.Partner.Device.Gid, attack.There.Qp.Qpn ^ 1);
                qp.ToReadyToSend();
                qp.TryWriteSend(attack.Write(), [attack.Here.Region.Sge(0, 60_000)]);
                attack.Mallory.RingSend(qp);
                attack.Arena.Turn();
                Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyQp, qp.Handle));
            }

            attack.StillWorks();
        }),
    ];

    private static AttackCase UnderWay(string name, Action<Attack> act) => new(Class, name, attack =>
    {
        for (ulong id = 0; id < 20; id++)
        {
            Assert.True(attack.Here.Qp.TryWriteSend(attack.Write(id), [attack.Here.Region.Sge(0, 60_000)]));
        }

        attack.Mallory.RingSend(attack.Here.Qp);
        attack.Arena.Turn();
        act(attack);
        attack.Arena.Run();
    });

    /// <summary>The partner reads a lot, and its requests have arrived.</summary>
    private static void Read(Attack attack)
    {
        for (ulong id = 0; id < 4; id++)
        {
            attack.There.Qp.TryWriteSend(
                new PvrdmaSendWqe
                {
                    WorkRequestId = id,
                    Opcode = (uint)PvrdmaWrOpcode.RdmaRead,
                    Flags = (uint)PvrdmaSendFlags.Signaled,
                    RemoteAddress = attack.Here.Region.Start,
                    RdmaRemoteKey = attack.Here.Region.Key,
                    SgeCount = 1,
                },
                [attack.There.Region.Sge(0, 65_536)]);
        }

        attack.Partner.RingSend(attack.There.Qp);
        attack.Arena.Turn();
        attack.Arena.Turn();
    }
}
