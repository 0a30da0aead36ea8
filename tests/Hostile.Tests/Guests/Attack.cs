using Hostile.Tests.Arenas;

namespace Hostile.Tests.Guests;

/// <summary>One attack under way: the arena, and short ways to attack.</summary>
internal sealed unsafe class Attack(Arena arena)
{
    public const PvrdmaAccess AllAccess =
        PvrdmaAccess.LocalWrite | PvrdmaAccess.RemoteWrite | PvrdmaAccess.RemoteRead | PvrdmaAccess.RemoteAtomic;

    private (DevicePair.Endpoint Here, DevicePair.Endpoint There)? _pair;

    public Arena Arena { get; } = arena;

    /// <summary>Who works meanwhile, when the attack takes many turns.</summary>
    public Victim? Victim { get; init; }

    public TestGuest Mallory => Arena.Mallory;

    public TestGuest Partner => Arena.Partner;

    /// <summary>Mallory's end of a connection with her partner.</summary>
    public DevicePair.Endpoint Here => Pair.Here;

    /// <summary>The partner's end.</summary>
    public DevicePair.Endpoint There => Pair.There;

    /// <summary>First address beyond Mallory's memory.</summary>
    public ulong Beyond => (ulong)Mallory.Memory.Bytes;

    private (DevicePair.Endpoint Here, DevicePair.Endpoint There) Pair => _pair ??= Arena.Connect(Mallory, Partner);

    /// <summary>A turn in which the victim goes on with her work.</summary>
    public void Turn()
    {
        Victim?.Step();
        Arena.Turn();
    }

    /// <summary>Refused with one of these errors.</summary>
    public void Refused<T>(PvrdmaCommand command, T request, params PvrdmaCommandError[] errors)
        where T : unmanaged
    {
        ulong refused = Mallory.Device.Statistics.CommandsRefused;
        PvrdmaCommandError error = Mallory.Command(command, request);
        Assert.Contains(error, errors);
        Assert.Equal(refused + 1, Mallory.Device.Statistics.CommandsRefused);
    }

    /// <summary>Carried out.</summary>
    public void Granted<T>(PvrdmaCommand command, T request)
        where T : unmanaged => Assert.Equal(PvrdmaCommandError.None, Mallory.Command(command, request));

    /// <summary>The 64-bit word at an address of Mallory's memory.</summary>
    public ref ulong Word(ulong address) => ref *(ulong*)Mallory.Memory.At(address);

    /// <summary>The table that a page directory's first entry names.</summary>
    public ulong TableOf(ulong directory) => Word(directory);

    public ulong Faults(GuestFault fault) => Mallory.Device.Statistics.ByFault[(int)fault];

    /// <summary>A signalled WRITE of 64 bytes to the partner's region.</summary>
    public PvrdmaSendWqe Write(ulong id = 1) => Request(PvrdmaWrOpcode.RdmaWrite, id);

    /// <summary>A signalled request about the first bytes of the partner's region.</summary>
    public PvrdmaSendWqe Request(PvrdmaWrOpcode opcode, ulong id = 1)
    {
        var head = new PvrdmaSendWqe
        {
            WorkRequestId = id,
            Opcode = (uint)opcode,
            Flags = (uint)PvrdmaSendFlags.Signaled,
            RemoteAddress = There.Region.Start,
            SgeCount = 1,
        };
        if (opcode is PvrdmaWrOpcode.AtomicCompareSwap or PvrdmaWrOpcode.AtomicFetchAdd)
        {
            // Aligned: the region begins at an odd address.
            head.RemoteAddress = (There.Region.Start + 7) & ~7ul;
            head.AtomicRemoteKey = There.Region.Key;
        }
        else
        {
            head.RdmaRemoteKey = There.Region.Key;
        }

        return head;
    }

    /// <summary>Puts a work request into the send ring as it is, rings, and runs; returns Mallory's completions.</summary>
    public List<PvrdmaCqe> Post(in PvrdmaSendWqe head, params ReadOnlySpan<PvrdmaSge> entries)
    {
        Assert.True(Here.Qp.TryWriteSend(head, entries));
        Mallory.RingSend(Here.Qp);
        Arena.Run();
        return Here.Cq.PollAll();
    }

    /// <summary>The one completion has that status, and the QP is in error.</summary>
    public void Fails(PvrdmaWcStatus status, in PvrdmaSendWqe head, params ReadOnlySpan<PvrdmaSge> entries)
    {
        PvrdmaCqe entry = Assert.Single(Post(head, entries));
        Assert.Equal(status, (PvrdmaWcStatus)entry.Status);
        Assert.Equal(head.WorkRequestId, entry.WorkRequestId);
        AssertErrorState();
    }

    /// <summary>Mallory's QP is in the error state and stays useless until reset.</summary>
    public void AssertErrorState() => Assert.Equal((uint)PvrdmaQpState.Error, Here.Qp.Query().State);

    /// <summary>Mallory's connection carries data yet: nothing broke, not even for her.</summary>
    public void StillWorks()
    {
        PvrdmaCqe entry = Assert.Single(Post(Write(0x5151), Here.Region.Sge(0, 64)));
        Assert.Equal((0x5151ul, (uint)PvrdmaWcStatus.Success), (entry.WorkRequestId, entry.Status));
    }

    /// <summary>The device serves Mallory yet: objects that she makes now work, whatever became of those of before.</summary>
    public void StillServed()
    {
        (DevicePair.Endpoint here, DevicePair.Endpoint there) = Arena.Connect(Mallory, Partner);
        PvrdmaSendWqe head = Write(0x5252) with { RemoteAddress = there.Region.Start, RdmaRemoteKey = there.Region.Key };
        here.Qp.PostSend(head, here.Region.Sge(0, 64));
        Arena.Run();
        PvrdmaCqe entry = Assert.Single(here.Cq.PollAll());
        Assert.Equal((0x5252ul, (uint)PvrdmaWcStatus.Success), (entry.WorkRequestId, entry.Status));
    }

    /// <summary>After a failure Mallory resets her QP and connects it again.</summary>
    public void Reconnect()
    {
        foreach (DevicePair.Endpoint end in new[] { Here, There })
        {
            Assert.Equal(PvrdmaCommandError.None, end.Qp.ModifyState(PvrdmaQpState.Reset));
            end.Qp.ResetIndices();
        }

        Arena.Connect(Here.Qp, There.Qp, Mallory, Partner);
        Here.Cq.PollAll();
        There.Cq.PollAll();
    }
}
