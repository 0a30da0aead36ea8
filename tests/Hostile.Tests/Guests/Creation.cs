using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Hostile.Tests.Guests;

/// <summary>
/// A creation with something in its way that the device meets late. <paramref name="Attempt"/> tries it; <paramref name="Mend"/> takes the obstacle
/// away, after which the same attempt succeeds.
/// </summary>
internal sealed record Creation(string Name, PvrdmaCommandError Error, Func<CreationWorld, (Func<PvrdmaCommandError> Attempt, Action Mend)> Prepare)
{
    public DeviceLimits Limits { get; init; } = new();
}

/// <summary>A guest with a domain, a CQ and an SRQ, whose QPs the protocol can be told to refuse.</summary>
internal sealed unsafe class CreationWorld : IDisposable
{
    public CreationWorld(DeviceLimits limits)
    {
        Guest = new TestGuest(new GuestOptions { Extension = Arenas.TestGuestExtension.Offered(Arenas.Arena.AllBits), Limits = limits, Creator = Create });
        Domain = Guest.CreateDomain();
        Queue = Guest.CreateCompletionQueue();
        Shared = new GuestSharedReceiveQueue(Guest, Domain);
        Assert.Equal(PvrdmaCommandError.None, Shared.Create());
    }

    public TestGuest Guest { get; }

    public uint Domain { get; }

    public GuestCompletionQueue Queue { get; }

    public GuestSharedReceiveQueue Shared { get; }

    public bool RefusesQueuePairs { get; set; }

    /// <summary>Every count that a leak would move.</summary>
    public (int[] Objects, long PinnedPages) Counts
    {
        get
        {
            VrdmaDevice device = Guest.Device;
            int[] objects =
            [
                device.ProtectionDomainCount, device.CompletionQueueCount, device.MemoryRegionCount, device.QueuePairCount, device.SharedReceiveQueueCount,
                device.MemoryWindowCount, device.MulticastGroupCount, device.UserContextCount, Guest.Environment.Groups.Count,
            ];
            return (objects, device.PinnedPages);
        }
    }

    /// <summary>The entry of a directory's page, to be spoilt and mended.</summary>
    public ulong* Entry(ulong directory, uint page) => (ulong*)Guest.Memory.At(*(ulong*)Guest.Memory.At(directory)) + page;

    /// <summary>An attempt whose last page lies outside guest memory.</summary>
    public (Func<PvrdmaCommandError> Attempt, Action Mend) LastPageOutside(ulong directory, uint pages, Func<PvrdmaCommandError> attempt)
    {
        ulong* entry = Entry(directory, pages - 1);
        ulong good = *entry;
        *entry = (ulong)Guest.Memory.Bytes;
        return (attempt, () => *entry = good);
    }

    public Func<PvrdmaCommandError> Command<T>(PvrdmaCommand command, T request)
        where T : unmanaged => () => Guest.Command(command, request);

    public Action Destroys(PvrdmaCommand command, uint handle) => () => Assert.Equal(PvrdmaCommandError.None, Guest.Destroy(command, handle));

    public void Dispose() => Guest.Dispose();

    private bool Create(IQueuePairHost host, in QueuePairConfig config, ProtocolResources resources, out QueuePair? queuePair)
    {
        queuePair = null;
        if (!RefusesQueuePairs)
        {
            queuePair = QueuePairFactory.Create(host, config, resources);
        }

        return queuePair is not null;
    }
}
