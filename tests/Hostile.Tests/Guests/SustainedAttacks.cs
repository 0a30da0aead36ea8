namespace Hostile.Tests.Guests;

/// <summary>Attacks that go on in every turn.</summary>
internal static unsafe class SustainedAttacks
{
    /// <summary>By name: prepares the attack, and returns what Mallory does before each turn.</summary>
    public static IReadOnlyDictionary<string, Func<Attack, Action>> All { get; } = new Dictionary<string, Func<Attack, Action>>
    {
        ["all doorbells, all the time"] = AllDoorbells,
        ["impossible work requests, reset, and again"] = ImpossibleRequests,
        ["impossible indices, reset, and again"] = ImpossibleIndices,
        ["commands that are refused"] = RefusedCommands,
        ["the largest registration, made and undone"] = LargestRegistration,
        ["deep queues posted and flushed"] = DeepFlush,
        ["messages to the victim's peer that nobody acknowledges"] = NobodyAcknowledges,
        ["scattered messages to her partner in thousands of pieces"] = ScatteredFlood,
        ["many queue pairs that send at once"] = ManyQueuePairs,
        ["sends to a partner who never posts a receive"] = NeverReady,
        ["completion queues that overrun"] = Overruns,
    };

    private static Action AllDoorbells(Attack attack) => () =>
        new Span<byte>(attack.Mallory.Control + ControlRegion.SendSummary, ControlRegion.Bytes - ControlRegion.SendSummary).Fill(0xFF);

    private static Action ImpossibleRequests(Attack attack) => () =>
    {
        Revive(attack);
        for (ulong id = 0; id < 32; id++)
        {
            attack.Here.Qp.TryWriteSend(attack.Write(id) with { SgeCount = uint.MaxValue }, [attack.Here.Region.Sge(0, 64)]);
        }

        attack.Mallory.RingSend(attack.Here.Qp);
    };

    private static Action ImpossibleIndices(Attack attack) => () =>
    {
        Revive(attack);
        PvrdmaRing.PublishProducer(&attack.Here.Qp.State->Send, 999);
        attack.Mallory.RingSend(attack.Here.Qp);
        attack.Mallory.ReadEvents();
    };

    private static Action RefusedCommands(Attack attack) => () =>
        attack.Mallory.Command(PvrdmaCommand.CreateMr, new PvrdmaCreateMr { Length = ulong.MaxValue, PageCount = uint.MaxValue });

    private static Action LargestRegistration(Attack attack)
    {
        uint domain = attack.Mallory.CreateDomain();
        ulong page = attack.Mallory.Memory.AllocatePage();
        ulong directory = attack.Mallory.Memory.Directory([.. Enumerable.Repeat(page, 512)]);
        for (uint table = 1; table < 64; table++)
        {
            attack.Word(directory + (table * 8ul)) = attack.TableOf(directory);
        }

        var request = new PvrdmaCreateMr
        {
            Start = 0x10_0000, Length = 64ul * 512 * 4096, DirectoryAddress = directory, PdHandle = domain, Access = (uint)Attack.AllAccess,
            PageCount = 64 * 512,
        };
        return () =>
        {
            attack.Mallory.Command(PvrdmaCommand.CreateMr, request, out PvrdmaCreateMrResponse response);
            attack.Mallory.Destroy(PvrdmaCommand.DestroyMr, response.MrHandle);
        };
    }

    private static Action DeepFlush(Attack attack)
    {
        GuestQueuePair qp = attack.Mallory.CreateQueuePair(
            attack.Here.Domain, attack.Here.Cq, attack.Here.Cq, request => request with { MaxReceiveWr = 4096, MaxReceiveSge = 1 });
        return () =>
        {
            qp.ModifyState(PvrdmaQpState.Reset);
            qp.ResetIndices();
            qp.ToInit();
            for (ulong id = 0; id < 4096; id++)
            {
                qp.TryWriteReceive(new PvrdmaReceiveWqe { WorkRequestId = id }, default);
            }

            qp.ModifyState(PvrdmaQpState.Error);
        };
    }

    /// <summary>A connection to a number that the victim's peer does not have, with no timeout: nothing of it is ever acknowledged.</summary>
    private static Action NobodyAcknowledges(Attack attack)
    {
        TestGuest bob = attack.Arena.Bob;
        GuestQueuePair[] pairs = [.. Enumerable.Range(0, 8).Select(_ => attack.Mallory.CreateQueuePair(attack.Here.Domain, attack.Here.Cq, attack.Here.Cq))];
        foreach (GuestQueuePair qp in pairs)
        {
            qp.ToInit();
            qp.ToReadyToReceive(bob.Device.Gid, 0xABCDEF);
            qp.ToReadyToSend(timeout: 0, retries: 0);
            for (ulong id = 0; id < 64; id++)
            {
                qp.TryWriteSend(attack.Write(id), [attack.Here.Region.Sge(0, 65_000)]);
            }
        }

        return () =>
        {
            foreach (GuestQueuePair qp in pairs)
            {
                attack.Mallory.RingSend(qp);
            }
        };
    }

    private static Action ScatteredFlood(Attack attack)
    {
        // Every other page of a range, so that no two lie in a row.
        ulong[] pages = attack.Mallory.Memory.AllocatePages(512);
        ulong directory = attack.Mallory.Memory.Directory([.. pages.Where((_, index) => index % 2 == 0)]);
        var request = new PvrdmaCreateMr
        {
            Start = 0x10_0000, Length = 256 * 4096, DirectoryAddress = directory, PdHandle = attack.Here.Domain, Access = (uint)Attack.AllAccess,
            PageCount = 256,
        };
        attack.Mallory.Command(PvrdmaCommand.CreateMr, request, out PvrdmaCreateMrResponse response);
        uint domain = attack.There.Domain;
        GuestRegion target = attack.Partner.CreateRegion(domain, 256 * 4096, Attack.AllAccess);
        PvrdmaSendWqe head = attack.Write() with { Flags = 0, RemoteAddress = target.Start, RdmaRemoteKey = target.Key };
        var entry = new PvrdmaSge { Address = request.Start, Length = 256 * 4096, LocalKey = response.LocalKey };
        return () =>
        {
            while (attack.Here.Qp.TryWriteSend(head, [entry]))
            {
            }

            attack.Mallory.RingSend(attack.Here.Qp);
        };
    }

    private static Action ManyQueuePairs(Attack attack)
    {
        var pairs = new List<GuestQueuePair>();
        for (int i = 0; i < 100; i++)
        {
            GuestQueuePair qp = Small(attack.Mallory, attack.Here);
            GuestQueuePair peer = Small(attack.Partner, attack.There);
            Arenas.Arena.Connect(qp, peer, attack.Mallory, attack.Partner);
            pairs.Add(qp);
        }

        return () =>
        {
            foreach (GuestQueuePair qp in pairs)
            {
                while (qp.TryWriteSend(attack.Write() with { Flags = 0 }, [attack.Here.Region.Sge(0, 64)]))
                {
                }

                attack.Mallory.RingSend(qp);
            }
        };
    }

    private static Action NeverReady(Attack attack) => () =>
    {
        while (attack.Here.Qp.TryWriteSend(
            new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.Send, SgeCount = 1 }, [attack.Here.Region.Sge(0, 60_000)]))
        {
        }

        attack.Mallory.RingSend(attack.Here.Qp);
    };

    private static Action Overruns(Attack attack)
    {
        PvrdmaCreateCq queueRequest = new GuestCompletionQueue(attack.Mallory, 1).Request;
        PvrdmaCreateQp pairRequest = Small(attack.Mallory, attack.Here).Request;
        return () =>
        {
            attack.Mallory.Command(PvrdmaCommand.CreateCq, queueRequest, out PvrdmaCreateCqResponse queue);
            attack.Mallory.Command(
                PvrdmaCommand.CreateQp, pairRequest with { ReceiveCqHandle = queue.CqHandle }, out PvrdmaCreateQpResponse pair);
            attack.Mallory.Command(PvrdmaCommand.ModifyQp, ToInit(pair.QpHandle));

            // Four receives, flushed into a queue of one entry.
            PvrdmaRing.PublishProducer(&((PvrdmaRingState*)attack.Mallory.Memory.At(attack.Word(attack.TableOf(pairRequest.DirectoryAddress))))->Receive, 4);
            attack.Mallory.Command(
                PvrdmaCommand.ModifyQp,
                new PvrdmaModifyQp { QpHandle = pair.QpHandle, AttributeMask = 1, Attributes = { State = (uint)PvrdmaQpState.Error } });
            attack.Mallory.Destroy(PvrdmaCommand.DestroyQp, pair.QpHandle);
            attack.Mallory.Destroy(PvrdmaCommand.DestroyCq, queue.CqHandle);
            attack.Mallory.ReadEvents();
        };
    }

    private static PvrdmaModifyQp ToInit(uint handle) => new()
    {
        QpHandle = handle,
        AttributeMask = (uint)(RoceEngine.Protocol.QueuePairAttributeMask.State | RoceEngine.Protocol.QueuePairAttributeMask.PartitionKeyIndex
            | RoceEngine.Protocol.QueuePairAttributeMask.Port | RoceEngine.Protocol.QueuePairAttributeMask.AccessFlags),
        Attributes = { State = (uint)PvrdmaQpState.Init, Port = 1 },
    };

    private static GuestQueuePair Small(TestGuest guest, DevicePair.Endpoint end, GuestCompletionQueue? receives = null) => guest.CreateQueuePair(
        end.Domain, end.Cq, receives ?? end.Cq, request => request with { MaxSendWr = 4, MaxReceiveWr = 4, MaxSendSge = 1, MaxReceiveSge = 1 });

    private static void Revive(Attack attack)
    {
        attack.Here.Qp.ModifyState(PvrdmaQpState.Reset);
        attack.Here.Qp.ResetIndices();
        attack.Here.Qp.ToInit();
        attack.Here.Qp.ToReadyToReceive(attack.Partner.Device.Gid, attack.There.Qp.Qpn);
        attack.Here.Qp.ToReadyToSend();
        attack.Here.Cq.PollAll();
    }
}
