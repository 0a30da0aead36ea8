using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests.Simulation;

/// <summary>
/// One direction of one connection: posts random requests, keeps a model of what each must do, and says at the end whether it did,
/// once and in order.
/// </summary>
internal sealed class Conversation
{
    private const int GuardBytes = 8;

    private readonly World _world;
    private readonly FakeHost _local;
    private readonly FakeHost _remote;
    private readonly QueuePair _requester;
    private readonly QueuePair _responder;
    private readonly Arena _localArena;
    private readonly Arena _remoteArena;
    private readonly ulong _counter;
    private readonly List<Expectation> _posted = [];
    private readonly List<ReceiveExpectation> _receives = [];
    private readonly SortedDictionary<ulong, ReceiveWorkRequest> _early = [];
    private ulong _counterModel;
    private ulong _nextReceive;

    public Conversation(World world, (FakeHost Host, QueuePair Qp, Arena Arena) from, (FakeHost Host, QueuePair Qp, Arena Arena) to)
    {
        _world = world;
        (_local, _requester, _localArena) = from;
        (_remote, _responder, _remoteArena) = to;
        _counter = _remoteArena.Take(8, 8);
    }

    /// <summary>Plans the posting of some requests, and of the receives that they need, not always in time.</summary>
    public void Plan(int requests, int mtuBytes)
    {
        long timeNs = _world.NowNs;
        while (requests > 0)
        {
            int batch = Math.Min(requests, _world.Random.Next(1, 12));
            requests -= batch;
            timeNs += _world.Random.Next(0, 400_000);
            _world.At(timeNs, () => PostBatch(batch, mtuBytes));
        }
    }

    /// <summary>Throws when anything is not as it must be.</summary>
    public void Verify()
    {
        VerifySends();
        VerifyReceives();
        Assert.Equal(_counterModel, _remote.Memory.ReadWord(_counter));
        foreach (Expectation each in _posted)
        {
            VerifyData(each);
        }
    }

    private void PostBatch(int count, int mtuBytes)
    {
        for (int i = 0; i < count; i++)
        {
            Expectation next = Invent((ulong)_posted.Count, mtuBytes);
            _posted.Add(next);
            FakeHost.RingsOf(_requester).Sends.Enqueue(next.Request);
        }

        _requester.HandleSendDoorbell(_world.NowNs);
    }

    private Expectation Invent(ulong id, int mtuBytes)
    {
        WorkOpcode opcode = (WorkOpcode)_world.Random.Next(0, 7);
        uint bytes = (uint)(_world.Random.Next(12) switch
        {
            0 => 0,
            < 6 => _world.Random.Next(1, 200),
            < 9 => mtuBytes * _world.Random.Next(1, 9),
            < 11 => _world.Random.Next(1, 20_000),
            _ => _world.Random.Next(1, 120_000),
        });
        SendFlags flags = (_world.Random.Next(2) == 0 ? SendFlags.Signaled : 0) | (_world.Random.Next(8) == 0 ? SendFlags.Fence : 0);
        return opcode is WorkOpcode.CompareSwap or WorkOpcode.FetchAdd ? InventAtomic(id, opcode, flags) : InventTransfer(id, opcode, flags, bytes);
    }

    private Expectation InventAtomic(ulong id, WorkOpcode opcode, SendFlags flags)
    {
        ulong result = _localArena.Take(8, 8);
        ulong before = _counterModel;
        ulong operand = (ulong)_world.Random.NextInt64();
        bool meet = _world.Random.Next(2) == 0;
        SendWorkRequest request = opcode == WorkOpcode.FetchAdd
            ? Requests.FetchAdd(id, result, _localArena.Key, _counter, _remoteArena.Key, operand)
            : Requests.CompareSwap(id, result, _localArena.Key, _counter, _remoteArena.Key, meet ? before : before + 1, operand);
        _counterModel = opcode == WorkOpcode.FetchAdd ? before + operand : meet ? operand : before;
        return new Expectation(request with { Flags = flags }, 0, result, before);
    }

    private Expectation InventTransfer(ulong id, WorkOpcode opcode, SendFlags flags, uint bytes)
    {
        uint seed = (uint)_world.Random.Next();
        bool isRead = opcode == WorkOpcode.Read;
        ulong near = _localArena.Take((int)bytes, 1);
        bool usesReceive = opcode is WorkOpcode.Send or WorkOpcode.SendWithImmediate or WorkOpcode.WriteWithImmediate;
        ulong far = _remoteArena.Take((int)bytes, 1);
        (isRead ? _remote : _local).Memory.Fill(isRead ? far : near, (int)bytes, seed);
        if (usesReceive)
        {
            bool isSend = opcode != WorkOpcode.WriteWithImmediate;
            PlanReceive(isSend ? far : _remoteArena.Base, isSend ? bytes : 0, new ReceiveExpectation(opcode, bytes, seed));
        }

        SendWorkRequest request = Requests.Make(opcode, id, near, bytes, _localArena.Key) with
        {
            Flags = flags, RemoteAddress = far, RemoteKey = _remoteArena.Key, ImmediateOrKey = seed,
        };
        Split(ref request);
        return new Expectation(request, seed, isRead ? near : far, 0);
    }

    /// <summary>Cuts the local buffer into several entries now and then.</summary>
    private void Split(ref SendWorkRequest request)
    {
        int pieces = _world.Random.Next(3) == 0 ? _world.Random.Next(2, 6) : 1;
        if (pieces == 1 || request.TotalBytes < 64)
        {
            return;
        }

        ScatterGatherEntry whole = request.Sges[0];
        uint offset = 0;
        for (int i = 0; i < pieces; i++)
        {
            uint rest = whole.Length - offset;
            uint bytes = i == pieces - 1 ? rest : (uint)_world.Random.NextInt64(rest + 1);
            request.Sges[i] = new ScatterGatherEntry { Address = whole.Address + offset, Length = bytes, LocalKey = whole.LocalKey };
            offset += bytes;
        }

        request.SgeCount = (byte)pieces;
    }

    private void PlanReceive(ulong address, uint bytes, ReceiveExpectation expectation)
    {
        ulong id = (ulong)_receives.Count;
        _receives.Add(expectation);
        var request = new ReceiveWorkRequest { WorkRequestId = id, SgeCount = bytes == 0 ? (byte)0 : (byte)1, TotalBytes = bytes };
        request.Sges[0] = new ScatterGatherEntry { Address = address, Length = bytes, LocalKey = _remoteArena.Key };
        Queue<ReceiveWorkRequest> ring = FakeHost.RingsOf(_responder).Receives;

        // Receives are taken in ring order, so each waits for those before it.
        long delayNs = _world.Random.Next(4) == 0 ? _world.Random.Next(0, 300_000) : 0;
        _world.At(_world.NowNs + delayNs, () => Deposit(ring, request));
    }

    private void Deposit(Queue<ReceiveWorkRequest> ring, ReceiveWorkRequest request)
    {
        _early.Add(request.WorkRequestId, request);
        while (_early.Remove(_nextReceive, out ReceiveWorkRequest next))
        {
            ring.Enqueue(next);
            _nextReceive++;
        }

        _responder.HandleReceiveDoorbell(_world.NowNs);
    }

    private void VerifySends()
    {
        List<(Completion Completion, bool Written)> done = FakeHost.RingsOf(_requester).SendsDone;
        Assert.Equal(_posted.Count, done.Count);
        for (int i = 0; i < done.Count; i++)
        {
            Assert.Equal((ulong)i, done[i].Completion.WorkRequestId);
            Assert.Equal(CompletionStatus.Success, done[i].Completion.Status);
            Assert.Equal((_posted[i].Request.Flags & SendFlags.Signaled) != 0, done[i].Written);
        }
    }

    private void VerifyReceives()
    {
        List<Completion> done = FakeHost.RingsOf(_responder).ReceivesDone;
        Assert.Equal(_receives.Count, done.Count);
        for (int i = 0; i < done.Count; i++)
        {
            Assert.Equal((ulong)i, done[i].WorkRequestId);
            Assert.Equal(CompletionStatus.Success, done[i].Status);
            Assert.Equal(_receives[i].Bytes, done[i].Bytes);
            if (_receives[i].Opcode != WorkOpcode.Send)
            {
                Assert.Equal(_receives[i].Seed, done[i].ImmediateOrKey);
            }
        }
    }

    private void VerifyData(in Expectation each)
    {
        bool isAtomic = each.Request.Opcode is WorkOpcode.CompareSwap or WorkOpcode.FetchAdd;
        FlatMemory memory = isAtomic || each.Request.Opcode == WorkOpcode.Read ? _local.Memory : _remote.Memory;
        if (isAtomic)
        {
            Assert.Equal(each.Original, memory.ReadWord(each.Target));
            return;
        }

        int bytes = (int)each.Request.TotalBytes;
        int difference = memory.FindDifference(each.Target, bytes, each.Seed);
        Assert.True(difference < 0, $"{each.Request.Opcode} {each.Request.WorkRequestId} of {bytes} bytes differs at {difference}");
        for (uint i = 0; i < GuardBytes; i++)
        {
            Assert.Equal(0, memory[each.Target + (uint)bytes + i]);
            Assert.Equal(0, memory[each.Target - 1 - i]);
        }
    }

    /// <summary>Hands out memory of one host with guards between the pieces.</summary>
    internal sealed class Arena(FlatMemory memory)
    {
        private ulong _next = memory.BaseAddress + 64;

        public ulong Base => memory.BaseAddress;

        public uint Key { get; } = memory.RegisterAll(Duo.AllAccess);

        public ulong Take(int bytes, uint alignment)
        {
            ulong at = (_next + GuardBytes + alignment - 1) / alignment * alignment;
            _next = at + (uint)bytes + GuardBytes;
            Assert.True(_next < memory.BaseAddress + (uint)memory.Bytes, "the simulated memory is too small");
            return at;
        }
    }

    private readonly record struct Expectation(SendWorkRequest Request, uint Seed, ulong Target, ulong Original);

    private readonly record struct ReceiveExpectation(WorkOpcode Opcode, uint Bytes, uint Seed);
}
