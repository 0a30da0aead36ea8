namespace Hostile.Tests.Arenas;

/// <summary>A guest that has always more to send than a turn can take: what it gets done in so many turns is its throughput.</summary>
internal sealed class BusyVictim
{
    private const int Depth = 1024;
    private const int RegionBytes = 1 << 16;

    private readonly Arena _arena;
    private readonly int _messageBytes;
    private readonly GuestCompletionQueue _queue;
    private readonly GuestRegion _region;
    private readonly GuestRegion _target;
    private readonly GuestQueuePair _qp;
    private ulong _posted;

    public BusyVictim(Arena arena, int messageBytes)
    {
        _arena = arena;
        _messageBytes = messageBytes;
        uint domain = arena.Alice.CreateDomain();
        uint peerDomain = arena.Bob.CreateDomain();
        _queue = arena.Alice.CreateCompletionQueue(Depth);
        GuestCompletionQueue peerQueue = arena.Bob.CreateCompletionQueue(16);
        _region = arena.Alice.CreateRegion(domain, RegionBytes, Guests.Attack.AllAccess);
        _target = arena.Bob.CreateRegion(peerDomain, RegionBytes, Guests.Attack.AllAccess);
        _qp = arena.Alice.CreateQueuePair(domain, _queue, _queue, request => request with { MaxSendWr = Depth, MaxSendSge = 1 });
        GuestQueuePair peer = arena.Bob.CreateQueuePair(peerDomain, peerQueue, peerQueue);
        Arena.Connect(_qp, peer, arena.Alice, arena.Bob);
    }

    /// <summary>Messages completed, all of them well and in order.</summary>
    public ulong Completed { get; private set; }

    /// <summary>So many turns; <paramref name="eachTurn"/> is what the attacker does before each.</summary>
    public void Work(int turns, Action? eachTurn = null)
    {
        for (int turn = 0; turn < turns; turn++)
        {
            eachTurn?.Invoke();
            Refill();
            _arena.Turn();
        }
    }

    private void Refill()
    {
        while (_queue.TryPoll(out PvrdmaCqe entry))
        {
            Assert.Equal((Completed, (uint)PvrdmaWcStatus.Success), (entry.WorkRequestId, entry.Status));
            Completed++;
        }

        for (; _posted - Completed < Depth; _posted++)
        {
            var head = new PvrdmaSendWqe
            {
                WorkRequestId = _posted,
                Opcode = (uint)PvrdmaWrOpcode.RdmaWrite,
                Flags = (uint)PvrdmaSendFlags.Signaled,
                RemoteAddress = _target.Start,
                RdmaRemoteKey = _target.Key,
                SgeCount = 1,
            };
            Assert.True(_qp.TryWriteSend(head, [_region.Sge(0, _messageBytes)]));
        }

        _arena.Alice.RingSend(_qp);
    }
}
