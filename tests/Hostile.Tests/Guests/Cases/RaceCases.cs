namespace Hostile.Tests.Guests.Cases;

/// <summary>
/// A second thread of Mallory's changes queues and doorbells while the device reads them. The device may see any of the values; her queue pairs
/// may fail, and nothing else.
/// </summary>
internal static unsafe class RaceCases
{
    public const string Class = "races with a second thread";

    public const int Rounds = 120;
    public const int Flips = 2000;

    public static IEnumerable<AttackCase> All =>
    [
        Race("work requests' heads", Post, (attack, random) =>
        {
            var head = (PvrdmaSendWqe*)attack.Here.Qp.SendSlot((uint)random.Next(64));
            head->SgeCount = random.Next(3) == 0 ? (uint)random.Next() : 2;
            head->Opcode = random.Next(8) == 0 ? (uint)random.Next(0x102) : (uint)random.Next(16);
            head->Flags = (uint)random.Next(32);
            head->TotalBytes = random.Next(2) == 0 ? uint.MaxValue : (uint)random.Next(70);
            head->RemoteAddress = attack.There.Region.Start + (ulong)random.Next(70_000);
        }),
        Race("scatter/gather entries", Post, (attack, random) =>
        {
            var entry = (PvrdmaSge*)(attack.Here.Qp.SendSlot((uint)random.Next(64)) + PvrdmaWqeLayout.SendHeaderBytes) + random.Next(2);
            entry->Length = random.Next(3) == 0 ? uint.MaxValue : (uint)random.Next(5000);
            entry->Address = random.Next(3) == 0 ? ulong.MaxValue - 7 : attack.Here.Region.Start + (ulong)random.Next(70_000);
            entry->LocalKey = random.Next(3) == 0 ? (uint)random.Next() : attack.Here.Region.Key;
        }),
        Race("the data that is being sent", Post, (attack, random) =>
            *attack.Here.Region.At(random.Next(65_536)) = (byte)random.Next()),
        Race("the send ring's indices", Post, (attack, random) =>
        {
            attack.Here.Qp.State->Send.ProducerTail = random.Next(4) == 0 ? (uint)random.NextInt64() : (uint)random.Next(130);
            attack.Here.Qp.State->Send.ConsumerHead = (uint)random.NextInt64();
        }),
        Race("the receive ring's indices while messages arrive", Receive, (attack, random) =>
        {
            attack.Here.Qp.State->Receive.ProducerTail = random.Next(4) == 0 ? (uint)random.NextInt64() : (uint)random.Next(130);
            attack.Here.Qp.State->Receive.ConsumerHead = (uint)random.NextInt64();
        }),
        Race("a completion queue's indices", Post, (attack, random) =>
        {
            attack.Here.Cq.Ring->ProducerTail = (uint)random.NextInt64();
            attack.Here.Cq.Ring->ConsumerHead = random.Next(4) == 0 ? (uint)random.NextInt64() : (uint)random.Next(512);
        }),
        Race("a completion queue's arm word", Post, (attack, random) =>
            Volatile.Write(ref attack.Here.Cq.Page->ArmWord, random.Next(4) == 0 ? (uint)random.NextInt64() : (uint)random.Next(4))),
        Race("doorbell words and their summaries", Post, (attack, random) =>
        {
            Word(attack, ControlRegion.SendWords, random.Next(512)) = (ulong)random.NextInt64();
            Word(attack, ControlRegion.SendSummary, random.Next(8)) = (ulong)random.NextInt64();
            Word(attack, ControlRegion.ReceiveWords, random.Next(512)) = (ulong)random.NextInt64();
            Word(attack, ControlRegion.ReceiveSummary, random.Next(8)) = (ulong)random.NextInt64();
        }),
        SharedReceiveQueue(),
    ];

    /// <summary>Mallory's pair works, is failed by what her other thread does, and is brought up again.</summary>
    private static AttackCase Race(string name, Action<Attack> post, Action<Attack, Random> flip) => new(Class, name, attack =>
    {
        _ = attack.Here;
        using (var flipper = new Flipper(7, random => flip(attack, random)))
        {
            flipper.Beside(Rounds, Flips, round =>
            {
                post(attack);
                attack.Turn();
                attack.Turn();
                if (round % 4 == 3)
                {
                    Drain(attack.Here.Cq);
                    Drain(attack.There.Cq);
                    Revive(attack);
                }
            });
        }

        new Span<byte>(attack.Mallory.Control + ControlRegion.SendSummary, ControlRegion.Bytes - ControlRegion.SendSummary).Clear();
        attack.Arena.Run();
        attack.StillServed();
    });

    private static AttackCase SharedReceiveQueue() => new(Class, "a shared receive queue's slots and indices while messages arrive", attack =>
    {
        var shared = new GuestSharedReceiveQueue(attack.Mallory, attack.Here.Domain);
        Assert.Equal(PvrdmaCommandError.None, shared.Create());
        GuestQueuePair qp = attack.Mallory.CreateQueuePair(
            attack.Here.Domain, attack.Here.Cq, attack.Here.Cq, request => request with { UsesSrq = 1, SrqHandle = shared.Handle });
        GuestQueuePair peer = attack.Partner.CreateQueuePair(attack.There.Domain, attack.There.Cq, attack.There.Cq);
        Arenas.Arena.Connect(qp, peer, attack.Mallory, attack.Partner);
        var slots = (PvrdmaReceiveWqe*)((byte*)shared.Ring - sizeof(PvrdmaRing) + 4096);
        int words = 16 * (int)PvrdmaWqeLayout.ReceiveSlotBytes(2) / sizeof(uint);
        using (var flipper = new Flipper(7, random =>
        {
            ((uint*)slots)[random.Next(words)] = random.Next(2) == 0 ? 1 : (uint)random.NextInt64();
            shared.Ring->ProducerTail = random.Next(4) == 0 ? (uint)random.NextInt64() : (uint)random.Next(32);
        }))
        {
            flipper.Beside(Rounds, Flips, round =>
            {
                shared.TryPost(1, attack.Here.Region.Sge(0, 4096));
                peer.TryWriteSend(new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.Send, SgeCount = 1 }, [attack.There.Region.Sge(0, 100)]);
                attack.Partner.RingSend(peer);
                attack.Turn();
                Drain(attack.Here.Cq);
                Drain(attack.There.Cq);
            });
        }

        attack.StillServed();
    });

    /// <summary>Mallory writes, reads and adds.</summary>
    private static void Post(Attack attack)
    {
        DevicePair.Endpoint here = attack.Here;
        foreach (PvrdmaWrOpcode opcode in new[] { PvrdmaWrOpcode.RdmaWrite, PvrdmaWrOpcode.RdmaRead, PvrdmaWrOpcode.Send })
        {
            here.Qp.TryWriteSend(attack.Request(opcode) with { SgeCount = 2 }, [here.Region.Sge(0, 3000), here.Region.Sge(4096, 64)]);
            attack.There.Qp.TryWriteReceive(new PvrdmaReceiveWqe { SgeCount = 1 }, [attack.There.Region.Sge(0, 60_000)]);
        }

        attack.Mallory.RingSend(here.Qp);
        attack.Partner.RingReceive(attack.There.Qp);
    }

    /// <summary>The partner sends; Mallory receives.</summary>
    private static void Receive(Attack attack)
    {
        attack.Here.Qp.TryWriteReceive(new PvrdmaReceiveWqe { SgeCount = 1 }, [attack.Here.Region.Sge(0, 60_000)]);
        attack.There.Qp.TryWriteSend(
            new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.Send, Flags = (uint)PvrdmaSendFlags.Signaled, SgeCount = 1 },
            [attack.There.Region.Sge(0, 2000)]);
        attack.Mallory.RingReceive(attack.Here.Qp);
        attack.Partner.RingSend(attack.There.Qp);
    }

    /// <summary>As many entries as there can be; with indices that lie there is no end otherwise.</summary>
    private static void Drain(GuestCompletionQueue queue)
    {
        for (uint i = 0; i < queue.Entries && queue.TryPoll(out _); i++)
        {
        }
    }

    private static void Revive(Attack attack)
    {
        foreach (DevicePair.Endpoint end in new[] { attack.Here, attack.There })
        {
            Assert.Equal(PvrdmaCommandError.None, end.Qp.ModifyState(PvrdmaQpState.Reset));
            end.Qp.ResetIndices();
        }

        Arenas.Arena.Connect(attack.Here.Qp, attack.There.Qp, attack.Mallory, attack.Partner);
    }

    private static ref ulong Word(Attack attack, int offset, int index) => ref ((ulong*)(attack.Mallory.Control + offset))[index];
}
