using RoceEngine.Protocol;

namespace Hostile.Tests.Arenas;

/// <summary>
/// Four guests: Mallory, who attacks, with a partner; and Alice, who works, with Bob. Mallory and Alice are served by the same worker.
/// Everything runs in the test's thread on virtual time.
/// </summary>
internal abstract class Arena : IDisposable
{
    public const ExtensionBits AllBits = ExtensionBits.Inline | ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord
        | ExtensionBits.UnreliableConnection | ExtensionBits.MemoryWindows | ExtensionBits.ExtendedVerbs;

    protected const long TurnNs = 2_000;

    protected Arena(ArenaKind kind) => Kind = kind;

    public ArenaKind Kind { get; }

    public abstract TestGuest Mallory { get; }

    public abstract TestGuest Partner { get; }

    public abstract TestGuest Alice { get; }

    public abstract TestGuest Bob { get; }

    public long NowNs { get; protected set; } = 1_000_000;

    public static Arena Create(ArenaKind kind, DeviceLimits? malloryLimits = null)
    {
        malloryLimits ??= new DeviceLimits();
        return kind == ArenaKind.Devices ? new DeviceArena(malloryLimits) : new HostArena(kind, malloryLimits);
    }

    /// <summary>One turn of every device; true when something moved.</summary>
    public abstract bool Turn();

    /// <summary>Fails when a device was thrown out by its worker.</summary>
    public abstract void AssertAllServed();

    /// <summary>Turns until nothing moves any more, or so many.</summary>
    public void Run(int turns = 400)
    {
        for (int quiet = 0; turns > 0 && quiet < 8; turns--)
        {
            quiet = Turn() ? 0 : quiet + 1;
        }
    }

    /// <summary>Lets virtual time pass at once, as when all wait for a timer.</summary>
    public void Wait(long ns)
    {
        NowNs += ns;
        Run();
    }

    /// <summary>A connected QP on each side, with a CQ for all of its completions and a region.</summary>
    public static (DevicePair.Endpoint Here, DevicePair.Endpoint There) Connect(
        TestGuest here, TestGuest there, int regionBytes = 65536, byte timeout = 14, byte retries = 7)
    {
        var a = new DevicePair.Endpoint(here, regionBytes, 0x7000_0000_0123);
        var b = new DevicePair.Endpoint(there, regionBytes, 0x7000_1000_0123);
        Connect(a.Qp, b.Qp, a.Guest, b.Guest, timeout, retries);
        return (a, b);
    }

    /// <summary>Brings two QPs to ready-to-send, connected to each other.</summary>
    public static void Connect(GuestQueuePair a, GuestQueuePair b, TestGuest guestA, TestGuest guestB, byte timeout = 14, byte retries = 7)
    {
        a.ToInit();
        b.ToInit();
        a.ToReadyToReceive(guestB.Device.Gid, b.Qpn);
        b.ToReadyToReceive(guestA.Device.Gid, a.Qpn);
        a.ToReadyToSend(timeout, retries);
        b.ToReadyToSend(timeout, retries);
    }

    public abstract void Dispose();

    protected static GuestOptions OptionsOf(string address, DeviceLimits? limits = null) =>
        new() { Address = address, Limits = limits ?? new DeviceLimits(), Extension = AllBits };
}
