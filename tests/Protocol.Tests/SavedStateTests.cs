using System.Globalization;
using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>
/// QPs saved in the middle of random conversations: what is loaded saves as the same bytes, and what was spoiled on the way is refused or does no
/// harm. A failure names its seed; <c>STATE_SEED</c> is the first one, <c>STATE_SEEDS</c> how many.
/// </summary>
public class SavedStateTests
{
    private const int SeedsByDefault = 40;
    private const int SpoiledPerState = 12;

    /// <summary>What stands in it matters to nobody.</summary>
    private readonly FlatMemory _memory = new(1024);
    private readonly uint _key;

    public SavedStateTests() => _key = _memory.RegisterAll(Duo.AllAccess);

    [Fact]
    public void What_is_loaded_saves_as_the_same_bytes() => ForSeeds((state, seed) =>
    {
        FakeHost host = MakeHost();
        QueuePair qp = Load(host, state, out _);
        Assert.Equal(state.Bytes, Save(qp, state.NowNs));
        qp.Destroy();
        AssertNothingHeld(host, seed);
    });

    [Fact]
    public void What_was_cut_off_is_refused() => ForSeeds((state, seed) =>
    {
        var random = new Random(seed);
        for (int i = 0; i < SpoiledPerState; i++)
        {
            AssertLoads(state with { Bytes = state.Bytes[..random.Next(state.Bytes.Length)] }, random, mustRefuse: true);
        }
    });

    [Fact]
    public void What_was_spoiled_is_refused_or_does_no_harm() => ForSeeds((state, seed) =>
    {
        var random = new Random(seed);
        for (int i = 0; i < SpoiledPerState; i++)
        {
            AssertLoads(state with { Bytes = Spoil(state.Bytes, random) }, random, mustRefuse: false);
        }
    });

    /// <summary>A byte or a number that is another, some of it gone, or some of it twice.</summary>
    private static byte[] Spoil(byte[] state, Random random)
    {
        uint[] hostile = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7F_FFFF, 0xFF_FFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, uint.MaxValue];
        byte[] spoiled = [.. state];
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            int at = random.Next(spoiled.Length);
            switch (random.Next(4))
            {
                case 0:
                    spoiled[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    spoiled[at] = (byte)random.Next(256);
                    break;
                case 2 when at + 4 <= spoiled.Length:
                    BitConverter.TryWriteBytes(spoiled.AsSpan(at), hostile[random.Next(hostile.Length)]);
                    break;
                default:
                    int bytes = random.Next(1, Math.Min(40, spoiled.Length - at) + 1);
                    spoiled = random.Next(2) == 0 ? [.. spoiled[..at], .. spoiled[(at + bytes)..]] : [.. spoiled[..(at + bytes)], .. spoiled[at..]];
                    break;
            }

            if (spoiled.Length == 0)
            {
                return [0];
            }
        }

        return spoiled;
    }

    private void AssertLoads(SavedQueuePair state, Random random, bool mustRefuse)
    {
        FakeHost host = MakeHost();
        long before = GC.GetAllocatedBytesForCurrentThread();
        QueuePair? qp = null;
        try
        {
            qp = Load(host, state, out StateCursor cursor);
            Assert.False(mustRefuse && cursor.RemainingBytes == 0, "a state that was cut off loads");
        }
        catch (StateException)
        {
            qp = host.QueuePairs.Values.Single();
            qp.Destroy();
            qp = null;
        }

        // A pool's first chunk, and the slots for a deep queue.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4L << 20);
        if (qp is not null)
        {
            LiveOn(host, qp, _key, state.NowNs, random);
        }

        AssertNothingHeld(host, 0);
    }

    /// <summary>Time passes, packets come and go, and it ends.</summary>
    private static unsafe void LiveOn(FakeHost host, QueuePair qp, uint key, long nowNs, Random random)
    {
        var sent = new PacketBuffer();
        byte[] payload = GC.AllocateArray<byte>(4096, pinned: true);
        qp.Resume(nowNs);
        for (int i = 0; i < 40; i++)
        {
            nowNs += random.Next(1, 3_000_000);
            while (host.Timers.PopDue(nowNs) is { } due)
            {
                due.HandleTimeout(nowNs);
            }

            for (int turns = host.Scheduled.Count; turns > 0; turns--)
            {
                QueuePair next = host.Scheduled.Dequeue();
                sent.Clear();
                if (next.PollTransmit(sent, 64, nowNs))
                {
                    host.Scheduled.Enqueue(next);
                }
            }

            qp.Query(out QueuePairAttributes attributes);
            fixed (byte* bytes = payload)
            {
                Packet packet = Answer(sent, attributes, key, random);
                var segment = new MemorySegment(bytes, packet.PayloadBytes);
                packet.Segments = &segment;
                packet.SegmentCount = packet.PayloadBytes == 0 ? 0 : 1;
                qp.HandleDatagram(packet, attributes.DestinationGid, host.Address, nowNs);
            }
        }

        qp.Modify(new QueuePairAttributes { State = QueuePairState.Error }, QueuePairAttributeMask.State, nowNs);
        qp.Destroy();
    }

    private static Packet Answer(PacketBuffer sent, in QueuePairAttributes attributes, uint key, Random random)
    {
        Opcode[] opcodes =
        [
            Opcode.RcAcknowledge, Opcode.RcAcknowledge, Opcode.RcAcknowledge, Opcode.RcReadResponseOnly, Opcode.RcAtomicAcknowledge, Opcode.RcSendMiddle,
            Opcode.RcSendLast, Opcode.RcSendOnly, Opcode.RcWriteMiddle, Opcode.RcWriteLast, Opcode.RcReadRequest, Opcode.RcFetchAdd,
            Opcode.UcSendMiddle, Opcode.UcSendLast, Opcode.UcWriteLast, Opcode.UdSendOnly, Opcode.RcPause, Opcode.RcResume,
        ];
        Opcode opcode = opcodes[random.Next(opcodes.Length)];
        bool isAnswer = (OpcodeTable.For(opcode).Traits & PacketTraits.Response) != 0;
        return new Packet
        {
            Opcode = opcode,
            Psn = (isAnswer && sent.Count > 0 ? sent[random.Next(sent.Count)].Psn : isAnswer ? attributes.SendPsn : attributes.ReceivePsn) + random.Next(-2, 3),
            PsnCount = 1,
            DestinationQpn = 11,
            PartitionKey = 0xFFFF,
            PayloadBytes = opcode is Opcode.RcAcknowledge or Opcode.RcAtomicAcknowledge or Opcode.RcReadRequest or Opcode.RcFetchAdd ? 0 : random.Next(0, 1025),
            RemoteAddress = 0x7F00_0000_0000,
            RemoteKey = key,
            DmaLength = (uint)random.Next(0, 4096),
            QueueKey = attributes.QueueKey,
            Syndrome = random.Next(4) == 0 ? (byte)random.Next(256) : AethSyndrome.Ack().Value,
            Flags = PacketFlags.AcknowledgeRequest,
        };
    }

    private static void AssertNothingHeld(FakeHost host, int seed)
    {
        Assert.True(host.Resources.SlotsInUse == 0, $"seed {seed}: slots are held");
        Assert.Equal(0, host.Resources.ReorderHeldBytes);
        Assert.All(host.Paths.Values, path => Assert.Equal((0L, false), (path.Window.InFlightBytes, path.Window.HasWaiting)));
    }

    private static void ForSeeds(Action<SavedQueuePair, int> check)
    {
        int first = Read("STATE_SEED", 1);
        int count = Read("STATE_SEEDS", SeedsByDefault);
        for (int seed = first; seed < first + count; seed++)
        {
            foreach (SavedQueuePair state in Draw(seed))
            {
                try
                {
                    check(state, seed);
                }
                catch (Exception failure)
                {
                    throw new InvalidOperationException($"seed {seed}, {state.What} (replay with STATE_SEED={seed}): {failure.Message}", failure);
                }
            }
        }
    }

    private static int Read(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int value) ? value : otherwise;

    /// <summary>Both ends of a conversation at some moment, of each service.</summary>
    private static IEnumerable<SavedQueuePair> Draw(int seed)
    {
        var random = new Random(seed);
        var options = new DuoOptions
        {
            PathMtuBytes = 256 << random.Next(5), WindowLimitBytes = 1L << random.Next(13, 21), RequesterPsn = random.Next(2) == 0 ? 0xFF_FFF0u : 0x1234u,
            Timeout = (byte)random.Next(8, 15), MaxRdAtomic = (byte)random.Next(1, 5), IsLocal = random.Next(4) == 0, Shared = random.Next(4) == 0,
            MemoryPages = 320,
        };
        var duo = new Duo(options);
        Converse(duo, random);
        yield return new SavedQueuePair("requester", TransportService.ReliableConnection, options.Shared, Save(duo.First, duo.NowNs), duo.NowNs);
        yield return new SavedQueuePair("responder", TransportService.ReliableConnection, options.Shared, Save(duo.Second, duo.NowNs), duo.NowNs);
        foreach (TransportService service in new[] { TransportService.UnreliableConnection, TransportService.UnreliableDatagram })
        {
            var pair = new UnreliablePair(new UnreliableOptions { Service = service, PathMtuBytes = options.PathMtuBytes, WindowLimitBytes = options.WindowLimitBytes });
            for (ulong id = 1; id <= 6; id++)
            {
                pair.PostReceive(id, 8192);
                pair.Post(pair.Send(id, (uint)random.Next(0, service == TransportService.UnreliableDatagram ? 1024 : 8192)));
            }

            pair.Poll(random.Next(1, 20));
            for (int i = 0; i < random.Next(pair.Sent.Count + 1); i++)
            {
                pair.Hand(pair.Sent[i]);
            }

            yield return new SavedQueuePair($"{service} sender", service, false, Save(pair.First, pair.NowNs), pair.NowNs);
            yield return new SavedQueuePair($"{service} receiver", service, false, Save(pair.Second, pair.NowNs), pair.NowNs);
        }
    }

    /// <summary>Requests of all kinds, of whose packets and answers some come, until some moment.</summary>
    private static void Converse(Duo duo, Random random)
    {
        ulong id = 0;
        for (int step = random.Next(1, 40); step > 0; step--)
        {
            ulong here = duo.A.Memory.BaseAddress + (ulong)random.Next(1 << 20) * 8 % (1 << 20);
            ulong there = duo.B.Memory.BaseAddress + (ulong)random.Next(1 << 17) * 8;
            uint bytes = (uint)random.Next(0, 20_000);
            switch (random.Next(9))
            {
                case 0:
                    duo.Post(Requests.Write(++id, here, bytes, duo.LocalKey, there, duo.RemoteKey));
                    break;
                case 1:
                    duo.Post(Requests.Read(++id, here, bytes, duo.LocalKey, there, duo.RemoteKey));
                    break;
                case 2:
                    duo.Post(Requests.FetchAdd(++id, here, duo.LocalKey, there, duo.RemoteKey, 3));
                    break;
                case 3:
                    duo.Post(Requests.Send(++id, here, bytes, duo.LocalKey));
                    break;
                case 4:
                    duo.PostReceive(++id, there, 20_000);
                    break;
                case 5:
                    duo.Wait(random.Next(1, 3_000_000));
                    break;
                case 6:
                    (random.Next(2) == 0 ? duo.First : duo.Second).Pause();
                    break;
                default:
                    Exchange(duo, random);
                    break;
            }
        }

        if (random.Next(6) == 0)
        {
            duo.First.Modify(
                new QueuePairAttributes { State = QueuePairState.SendQueueDrained, EnableDrainedNotify = true },
                QueuePairAttributeMask.State | QueuePairAttributeMask.EnableDrainedNotify, duo.NowNs);
        }
        else if (random.Next(12) == 0)
        {
            duo.First.Modify(new QueuePairAttributes { State = (QueuePairState)(random.Next(2) * (int)QueuePairState.Error) }, QueuePairAttributeMask.State, duo.NowNs);
        }
    }

    private static void Exchange(Duo duo, Random random)
    {
        duo.PollA(random.Next(1, 30));
        for (int i = 0; i < duo.FromA.Count; i++)
        {
            if (random.Next(8) != 0)
            {
                duo.Second.HandlePacket(duo.FromA[i], duo.A.Address, duo.NowNs);
            }
        }

        duo.FromA.Clear();
        duo.PollB(random.Next(1, 30));
        for (int i = 0; i < duo.FromB.Count; i++)
        {
            if (random.Next(8) != 0)
            {
                duo.First.HandlePacket(duo.FromB[i], duo.B.Address, duo.NowNs);
            }
        }

        duo.FromB.Clear();
    }

    private FakeHost MakeHost() => new(Gid.FromIPv4(0x7F000002), _memory);

    private static byte[] Save(QueuePair qp, long nowNs)
    {
        StateCursor state = StateCursor.Save(nowNs);
        qp.Transfer(state);
        return state.Saved.ToArray();
    }

    private static QueuePair Load(FakeHost host, SavedQueuePair state, out StateCursor cursor)
    {
        QueuePair qp = host.Create(11, signalAll: true, state.IsShared, service: state.Service);
        cursor = StateCursor.Load(state.Bytes, state.NowNs);
        qp.Transfer(cursor);
        return qp;
    }

    private sealed record SavedQueuePair(string What, TransportService Service, bool IsShared, byte[] Bytes, long NowNs);
}
