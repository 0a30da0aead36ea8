namespace Hostile.Tests.Guests.Cases;

/// <summary>Ring indices that run away, go backwards, or are the device's own to write.</summary>
internal static unsafe class IndexCases
{
    private const string Class = "ring indices";

    public static IEnumerable<AttackCase> All => [.. Producers, .. Consumers, .. DeviceRings, .. Overwritten];

    private static IEnumerable<AttackCase> Producers =>
    [
        .. from index in new[] { 65u, 127u, 128u, 129u, 0x8000_0000u, uint.MaxValue }
           select new AttackCase(Class, $"send producer at {index} of 64 slots", attack =>
           {
               PvrdmaRing.PublishProducer(&attack.Here.Qp.State->Send, index);
               attack.Mallory.RingSend(attack.Here.Qp);
               attack.Arena.Run();
               AssertRingError(attack);
           }),
        .. from index in new[] { 65u, 127u, 128u, uint.MaxValue }
           select new AttackCase(Class, $"receive producer at {index} of 64 slots", attack =>
           {
               PvrdmaRing.PublishProducer(&attack.Here.Qp.State->Receive, index);
               attack.There.Qp.PostSend(
                   new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.Send, Flags = (uint)PvrdmaSendFlags.Signaled }, attack.There.Region.Sge(0, 8));
               attack.Arena.Run();
               AssertRingError(attack);
           }),
        new AttackCase(Class, "send producer that goes back while requests are under way", attack =>
        {
            for (ulong id = 0; id < 8; id++)
            {
                attack.Here.Qp.TryWriteSend(attack.Write(id), [attack.Here.Region.Sge(0, 60_000)]);
            }

            attack.Mallory.RingSend(attack.Here.Qp);
            attack.Arena.Turn();
            PvrdmaRing.PublishProducer(&attack.Here.Qp.State->Send, 1);
            attack.Mallory.RingSend(attack.Here.Qp);
            attack.Arena.Run();
            PvrdmaRing.PublishProducer(&attack.Here.Qp.State->Send, 3);
            attack.Mallory.RingSend(attack.Here.Qp);
            attack.Arena.Run();
            AssertRingError(attack);
        }),
        new AttackCase(Class, "send producer that goes back by one for ever", attack =>
        {
            attack.StillWorks();
            uint index = 1;
            for (int i = 0; i < 200; i++)
            {
                index = (index - 1) & 127;
                PvrdmaRing.PublishProducer(&attack.Here.Qp.State->Send, index);
                attack.Mallory.RingSend(attack.Here.Qp);
                attack.Arena.Run();
            }

            attack.AssertErrorState();
        }),
        new AttackCase(Class, "send producer that always says full", attack =>
        {
            // Slots with nothing in them: opcode 0 with no entries is a WRITE of nothing, and legal.
            for (int i = 0; i < 50; i++)
            {
                PvrdmaRing.PublishProducer(&attack.Here.Qp.State->Send, PvrdmaRing.ReadConsumer(&attack.Here.Qp.State->Send) ^ 64);
                attack.Mallory.RingSend(attack.Here.Qp);
                attack.Arena.Run();
            }

            Assert.InRange(attack.Mallory.Device.Statistics.SendsFetched, 64ul, 50 * 64ul);
        }),
        new AttackCase(Class, "producers run away in the reset and error states", attack =>
        {
            attack.StillWorks();
            foreach (PvrdmaQpState state in new[] { PvrdmaQpState.Error, PvrdmaQpState.Reset })
            {
                attack.Here.Qp.ModifyState(state);
                foreach (uint index in new[] { 64u, 100u, 1000u, uint.MaxValue })
                {
                    PvrdmaRing.PublishProducer(&attack.Here.Qp.State->Send, index);
                    PvrdmaRing.PublishProducer(&attack.Here.Qp.State->Receive, index);
                    attack.Mallory.RingSend(attack.Here.Qp);
                    attack.Mallory.RingReceive(attack.Here.Qp);
                    attack.Arena.Run();
                }

                Assert.Equal((uint)state, attack.Here.Qp.Query().State);
            }
        }),
    ];

    private static IEnumerable<AttackCase> Consumers =>
        from index in new[] { 300u, 511u, 512u, 0x4000_0000u, uint.MaxValue }
        select new AttackCase(Class, $"completion consumer at {index} of 256 slots", attack =>
        {
            _ = attack.Here.Cq;
            PvrdmaRing.PublishConsumer(attack.Here.Cq.Ring, index);
            for (ulong id = 0; id < 260; id++)
            {
                attack.Here.Qp.TryWriteSend(attack.Write(id), [attack.Here.Region.Sge(0, 8)]);
                attack.Mallory.RingSend(attack.Here.Qp);
                attack.Arena.Run(30);
            }

            attack.AssertErrorState();
            Assert.Contains(attack.Mallory.ReadEvents(), entry => entry.Type == (uint)PvrdmaEvent.CqError && entry.Info == attack.Here.Cq.Handle);
        });

    private static IEnumerable<AttackCase> DeviceRings =>
    [
        .. from index in new[] { 3000u, 0xFFFFu, 0x8000_0000u, uint.MaxValue }
           select new AttackCase(Class, $"event ring consumer at 0x{index:x}", attack =>
           {
               PvrdmaRing.PublishConsumer(attack.Mallory.AsyncRing, index);
               PvrdmaRing.PublishProducer(&attack.Here.Qp.State->Send, 99);
               attack.Mallory.RingSend(attack.Here.Qp);
               attack.Arena.Run();
           })
           { IsFatal = true },
        .. from index in new[] { 5000u, 0x8000_0000u, uint.MaxValue }
           select new AttackCase(Class, $"notification ring consumer at 0x{index:x}", attack =>
           {
               attack.Here.Cq.Arm(solicited: false);
               PvrdmaRing.PublishConsumer(attack.Mallory.NotificationRing, index);
               attack.Post(attack.Write(), attack.Here.Region.Sge(0, 8));
           })
           { IsFatal = true },
    ];

    private static IEnumerable<AttackCase> Overwritten =>
    [
        new AttackCase(Class, "the device's consumer indices overwritten", attack =>
        {
            for (uint i = 0; i < 100; i++)
            {
                attack.Here.Qp.State->Send.ConsumerHead = attack.Here.Qp.State->Receive.ConsumerHead = i * 0x0101_0101;

                // The driver that looks at them fools only itself: this one writes its slot without looking.
                attack.Here.Qp.State->Send.ConsumerHead = i & 127;
                attack.StillWorks();
            }
        }),
        new AttackCase(Class, "the device's completion producer overwritten", attack =>
        {
            for (uint i = 0; i < 600; i++)
            {
                attack.Here.Cq.Ring->ProducerTail = uint.MaxValue - i;
                attack.Here.Qp.TryWriteSend(attack.Write(i), [attack.Here.Region.Sge(0, 8)]);
                attack.Mallory.RingSend(attack.Here.Qp);
                attack.Arena.Run(30);

                // The device's own count goes on from where it was.
                Assert.Equal((uint)PvrdmaWcStatus.Success, Assert.Single(attack.Here.Cq.PollAll()).Status);
            }
        }),
    ];

    private static void AssertRingError(Attack attack)
    {
        attack.AssertErrorState();
        Assert.Contains(attack.Mallory.ReadEvents(), entry => entry.Type == (uint)PvrdmaEvent.QpFatal && entry.Info == attack.Here.Qp.Handle);
        Assert.NotEqual(0ul, attack.Faults(GuestFault.RingIndex));
        attack.Reconnect();
        attack.StillWorks();
    }
}
