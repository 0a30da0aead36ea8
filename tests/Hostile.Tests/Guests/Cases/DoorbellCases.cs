namespace Hostile.Tests.Guests.Cases;

/// <summary>Doorbells for nothing, and far too many of them.</summary>
internal static unsafe class DoorbellCases
{
    private const string Class = "doorbells";

    public static IEnumerable<AttackCase> All =>
    [
        new AttackCase(Class, "all bits of both bitmaps, set again in every turn", attack =>
        {
            for (int turn = 0; turn < 300; turn++)
            {
                SetAll(attack);
                attack.Arena.Turn();
            }

            // Bounded by turn: 256 in each.
            Assert.InRange(attack.Faults(GuestFault.Doorbell), 256ul, 301 * 256ul);
            Clear(attack);
        }),
        new AttackCase(Class, "all summary bits and no word bits, in every turn", attack =>
        {
            for (int turn = 0; turn < 300; turn++)
            {
                Words(attack, ControlRegion.SendSummary, 8).Fill(ulong.MaxValue);
                Words(attack, ControlRegion.ReceiveSummary, 8).Fill(ulong.MaxValue);
                attack.Arena.Turn();
            }

            Assert.Equal(0ul, attack.Faults(GuestFault.Doorbell));
        }),
        new AttackCase(Class, "all word bits and no summary bits", attack =>
        {
            Words(attack, ControlRegion.SendWords, 512).Fill(ulong.MaxValue);
            attack.Arena.Run();
            Assert.Equal(0ul, attack.Faults(GuestFault.Doorbell));
            Words(attack, ControlRegion.SendWords, 512).Clear();
        }),
        new AttackCase(Class, "a doorbell for an idle queue pair in every turn", attack =>
        {
            attack.StillWorks();
            for (int turn = 0; turn < 500; turn++)
            {
                attack.Mallory.RingSend(attack.Here.Qp);
                attack.Mallory.RingReceive(attack.Here.Qp);
                attack.Arena.Turn();
            }

            attack.StillWorks();
            Assert.Equal(2ul, attack.Mallory.Device.Statistics.SendsFetched);
        }),
        new AttackCase(Class, "doorbells of queue pairs in every state", attack =>
        {
            foreach (PvrdmaQpState state in Enum.GetValues<PvrdmaQpState>())
            {
                GuestQueuePair qp = attack.Mallory.CreateQueuePair(attack.Here.Domain, attack.Here.Cq, attack.Here.Cq);
                Bring(attack, qp, state);
                for (int i = 0; i < 10; i++)
                {
                    qp.TryWriteSend(attack.Write(), [attack.Here.Region.Sge(0, 8)]);
                    qp.TryWriteReceive(new PvrdmaReceiveWqe { WorkRequestId = 1, SgeCount = 1 }, [attack.Here.Region.Sge(0, 8)]);
                    attack.Mallory.RingSend(qp);
                    attack.Mallory.RingReceive(qp);
                    attack.Arena.Turn();
                }
            }

            attack.Here.Cq.PollAll();
            attack.StillWorks();
        }),
        new AttackCase(Class, "arm words of every value", attack =>
        {
            for (uint i = 0; i < 200; i++)
            {
                attack.Here.Cq.Page->ArmWord = i % 5 == 0 ? uint.MaxValue - i : i;
                attack.StillWorks();
                while (attack.Mallory.TryReadNotification(out uint handle))
                {
                    Assert.Equal(attack.Here.Cq.Handle, handle);
                }
            }
        }),
        new AttackCase(Class, "completion queues armed and fired ten thousand times while nobody reads the notification ring", attack =>
        {
            GuestCompletionQueue queue = attack.Here.Cq;
            for (int i = 0; i < 10_000; i++)
            {
                queue.Arm(solicited: false);
                if (i % 10 == 0)
                {
                    attack.Here.Qp.TryWriteSend(attack.Write(), [attack.Here.Region.Sge(0, 8)]);
                    attack.Mallory.RingSend(attack.Here.Qp);
                    attack.Arena.Run(20);
                    queue.PollAll();
                }
            }

            attack.StillWorks();
        }),
        new AttackCase(Class, "thousands of events while nobody reads the event ring", attack =>
        {
            GuestQueuePair qp = attack.Mallory.CreateQueuePair(attack.Here.Domain, attack.Here.Cq, attack.Here.Cq);
            for (int i = 0; i < 4000; i++)
            {
                qp.ToInit();
                qp.ToReadyToReceive(attack.Partner.Device.Gid, 5);
                qp.ToReadyToSend();
                PvrdmaRing.PublishProducer(&qp.State->Send, 1000);
                attack.Mallory.RingSend(qp);
                attack.Arena.Turn();
                qp.ModifyState(PvrdmaQpState.Reset);
                qp.ResetIndices();
            }

            Assert.NotEqual(0ul, attack.Faults(GuestFault.EventOverrun));
            attack.StillWorks();
        }),
    ];

    private static void SetAll(Attack attack) =>
        new Span<byte>(attack.Mallory.Control + ControlRegion.SendSummary, ControlRegion.Bytes - ControlRegion.SendSummary).Fill(0xFF);

    private static void Clear(Attack attack) =>
        new Span<byte>(attack.Mallory.Control + ControlRegion.SendSummary, ControlRegion.Bytes - ControlRegion.SendSummary).Clear();

    private static Span<ulong> Words(Attack attack, int offset, int count) => new(attack.Mallory.Control + offset, count);

    private static void Bring(Attack attack, GuestQueuePair qp, PvrdmaQpState state)
    {
        if (state is PvrdmaQpState.Reset or PvrdmaQpState.SendQueueError)
        {
            return;
        }

        qp.ToInit();
        if (state >= PvrdmaQpState.ReadyToReceive)
        {
            qp.ToReadyToReceive(attack.Partner.Device.Gid, 5);
        }

        if (state >= PvrdmaQpState.ReadyToSend)
        {
            qp.ToReadyToSend();
        }

        if (state is PvrdmaQpState.SendQueueDrained or PvrdmaQpState.Error)
        {
            qp.ModifyState(state);
        }
    }
}
