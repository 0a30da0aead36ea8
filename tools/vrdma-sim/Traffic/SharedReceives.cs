using RoceEngine.Simulation.Checking;
using RoceEngine.Simulation.Drawing;
using RoceEngine.Simulation.World;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <summary>
/// A guest's shared receive queue with its buffers. Whichever queue pair needs a receive takes the oldest; each comes back once, by a
/// completion of that queue pair, and is posted again. Its limit is armed all the time.
/// </summary>
internal sealed class SharedReceives : IDisposable
{
    /// <summary>The longest message, its header not counted.</summary>
    public const int MessageBytesMax = 6000;

    private const int Depth = 32;
    private const int Limit = 8;
    private const ulong FirstId = 3UL << 62;

    private readonly SimulatedWorld _world;
    private readonly string _owner;
    private readonly Dice _dice;
    private readonly GuestMemory _memory;
    private readonly MemoryRegion _region;
    private readonly Dictionary<ulong, int> _posted = [];
    private readonly long _delayNsMax;
    private ulong _sequence;
    private bool _isClosed;

    public SharedReceives(SimulatedWorld world, string owner, RdmaContext context, ProtectionDomain domain, Dice dice)
    {
        _world = world;
        _owner = owner;
        _dice = dice;
        _delayNsMax = dice.Pick<long>(0, 0, 20_000, 400_000);
        _memory = context.AllocateMemory(Depth * SlotBytes);
        _memory.Span.Fill(Pattern.Blank);
        _region = domain.RegisterMemory(_memory, AccessFlags.LocalWrite);
        Queue = domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = Depth, Sges = 2 });
        for (int slot = 0; slot < Depth; slot++)
            Post(slot);
        Queue.SetLimit(Limit);
    }

    public static int SlotBytes => AddressHandle.GlobalRouteHeaderBytes + MessageBytesMax + ConnectionEnd.SlotGuardBytes;

    public SharedReceiveQueue Queue { get; }

    /// <summary>A receive that ended; it must be one that waits. Returns its slot.</summary>
    public int Complete(in WorkCompletion completion)
    {
        ulong id = completion.WorkRequestId;
        SimulationFailure.Unless(_posted.Remove(id, out int slot), () => $"{_owner}: shared receive #{id:x} completed, and is not outstanding");
        return slot;
    }

    public Span<byte> Slot(int slot) => _memory.AsSpan(slot * SlotBytes, SlotBytes);

    /// <summary>Posts a slot again, perhaps late.</summary>
    public void PostAgain(int slot)
    {
        if (_delayNsMax == 0)
            Post(slot);
        else
            _world.After(_dice.Between(0, _delayNsMax), () => Post(slot));
    }

    /// <summary>Fewer receives than the limit were left: arms it again.</summary>
    public void OnLimitReached() => _world.After(_dice.Between(0, 100_000), () =>
    {
        if (!_isClosed)
            Queue.SetLimit(Limit);
    });

    /// <summary>The guest is gone.</summary>
    public void Abandon() => _isClosed = true;

    public void Dispose()
    {
        _isClosed = true;
        Queue.Dispose();
        _region.Dispose();
        _memory.Dispose();
    }

    private void Post(int slot)
    {
        if (_isClosed)
            return;
        ulong id = FirstId | _sequence++;
        int first = _dice.Between(0, 200);
        int bytes = SlotBytes - ConnectionEnd.SlotGuardBytes;
        Queue.PostReceive(id, [_region.Entry(slot * SlotBytes, first), _region.Entry(slot * SlotBytes + first, bytes - first)]);
        _posted.Add(id, slot);
        _world.Touch();
    }
}
