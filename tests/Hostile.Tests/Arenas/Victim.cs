namespace Hostile.Tests.Arenas;

/// <summary>
/// A guest that works while another attacks: a stream of RDMA WRITEs, each with a pattern of its own into a slot of its own. Completions
/// must come once, in order and well, and the bytes must be there.
/// </summary>
internal sealed unsafe class Victim
{
    private const int Slots = 16;

    private readonly Arena _arena;
    private readonly DevicePair.Endpoint _here;
    private readonly DevicePair.Endpoint _there;
    private readonly int _messageBytes;
    private ulong _posted;

    public Victim(Arena arena, int messageBytes = 3000)
    {
        _arena = arena;
        _messageBytes = messageBytes;
        (_here, _there) = Arena.Connect(arena.Alice, arena.Bob, Slots * messageBytes);
    }

    /// <summary>Messages completed so far.</summary>
    public ulong Completed { get; private set; }

    /// <summary>Keeps the stream going: takes completions, verifies, posts again.</summary>
    public void Step()
    {
        while (_here.Cq.TryPoll(out PvrdmaCqe entry))
        {
            Assert.Equal((uint)PvrdmaWcStatus.Success, entry.Status);
            Assert.Equal(Completed, entry.WorkRequestId);
            Verify(Completed++);
        }

        while (_posted - Completed < Slots)
        {
            Post(_posted++);
        }
    }

    /// <summary>So many turns with the stream going.</summary>
    public void Stream(int turns, Action? eachTurn = null)
    {
        for (int turn = 0; turn < turns; turn++)
        {
            eachTurn?.Invoke();
            Step();
            _arena.Turn();
        }
    }

    /// <summary>Everything posted completes, and neither Alice nor Bob was ever at fault or told of an error.</summary>
    public void AssertUnharmed()
    {
        ulong until = _posted;
        for (int turn = 0; Completed < until; turn++)
        {
            Assert.True(turn < 100_000, $"message {Completed} of the victim never completed");
            _arena.Turn();
            Step();
        }

        foreach (TestGuest guest in new[] { _arena.Alice, _arena.Bob })
        {
            Assert.False(guest.Device.IsFatal);
            Assert.Empty(guest.ReadEvents());
            DeviceStatistics statistics = guest.Device.Statistics;
            for (int fault = 0; fault < GuestFaultCounts.Length; fault++)
            {
                Assert.True(statistics.ByFault[fault] == 0, $"{guest.Device.Name} is said to be guilty of {(GuestFault)fault}");
            }
        }

        Assert.Equal((uint)PvrdmaQpState.ReadyToSend, _here.Qp.Query().State);
        Assert.Equal((uint)PvrdmaQpState.ReadyToSend, _there.Qp.Query().State);
    }

    private static byte PatternOf(ulong message, int index) => (byte)((message * 37) + ((ulong)index * 11) + ((ulong)index >> 7));

    private void Post(ulong message)
    {
        int offset = (int)(message % Slots) * _messageBytes;
        for (int i = 0; i < _messageBytes; i++)
        {
            *_here.Region.At(offset + i) = PatternOf(message, i);
        }

        var head = new PvrdmaSendWqe
        {
            WorkRequestId = message,
            Opcode = (uint)PvrdmaWrOpcode.RdmaWrite,
            Flags = (uint)PvrdmaSendFlags.Signaled,
            RemoteAddress = _there.Region.Start + (ulong)offset,
            RdmaRemoteKey = _there.Region.Key,
        };
        _here.Qp.PostSend(head, _here.Region.Sge(offset, _messageBytes));
    }

    private void Verify(ulong message)
    {
        int offset = (int)(message % Slots) * _messageBytes;
        for (int i = 0; i < _messageBytes; i++)
        {
            if (*_there.Region.At(offset + i) != PatternOf(message, i))
            {
                Assert.Fail($"byte {i} of message {message} of the victim is wrong");
            }
        }
    }
}
