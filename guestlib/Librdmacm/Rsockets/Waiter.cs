using RoceEngine.Interop;

namespace RoceEngine.Librdmacm.Rsockets;

/// <summary>
/// A thread that waits for sockets: who changes one of them wakes it. The descriptors of a socket do not tell enough, since another thread may take what
/// made them readable.
/// </summary>
internal sealed class Waiter
{
    [ThreadStatic]
    private static Waiter? t_current;

    private Waiter() => Descriptor = SystemCallException.Check(Events.Create(0, Events.EFD_CLOEXEC | Events.EFD_NONBLOCK), "eventfd");

    ~Waiter() => _ = Events.Close(Descriptor);

    /// <summary>The calling thread's.</summary>
    public static Waiter Current => t_current ??= new Waiter();

    /// <summary>One for a thread that the library itself starts.</summary>
    /// <exception cref="SystemCallException">EMFILE: no descriptor is left.</exception>
    public static Waiter Create() => new();

    /// <summary>Polls readable once somebody woke the thread.</summary>
    public int Descriptor { get; }

    public void Wake() => _ = Events.Signal(Descriptor);

    public void Drain() => _ = Events.Drain(Descriptor);
}
