using RoceEngine.Simulation.World;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <content>Datagrams' constants, and memory windows: opened over the own target, closed by the peer's SEND with invalidate or taken away.</content>
internal sealed partial class ConnectionEnd
{
    private const uint QueueKey = 0x1234_5678;

    private MemoryWindow? _window;
    private bool _isWindowRevoked;
    private ulong _bindSequence;

    /// <summary>The key that the peer may use from now on; 0 while no window is open.</summary>
    public uint OpenWindowKey { get; private set; }

    private bool IsDatagram => _connection.Plan.Service == QueuePairType.Ud;

    /// <summary>The longest datagram: what the port's MTU holds.</summary>
    private const int DatagramBytesMax = 4096;

    /// <summary>True when the right that a request of the peer needs was taken away.</summary>
    public bool HasRevoked(PostedSend send) => send.Operation != Operation.BindWindow && IsRightGone(send);

    private bool IsRightGone(PostedSend send) => Memory.IsRevoked ? send.UsesTarget : _isWindowRevoked && send.WindowKey != 0;

    /// <summary>Binds a type-2 window, unless the queue is full: then the next closing tries again.</summary>
    private void TryOpenWindow()
    {
        if (State != EndState.Up || _isWindowRevoked)
            return;
        _window ??= Guest.Domain.AllocateMemoryWindow(MemoryWindowType.Type2);
        ulong id = (1UL << 61) | _bindSequence++;
        var bind = new WindowBind
        {
            Region = Memory.Target,
            Address = Memory.Target.Address,
            Length = (ulong)Memory.Target.Length,
            Access = AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic | AccessFlags.FlushGlobal,
        };
        if (!_pair.TryPostBindWindow(_window, bind, out uint key, id))
            return;
        _sinceSignaled = 0;
        Enter(new PostedSend
        {
            Id = id, Operation = Operation.BindWindow, Opcode = SendOpcode.BindWindow, IsSignaled = true, PostedNs = _world.NowNs, WindowKey = key,
        });
        _world.Touch();
    }

    /// <summary>The peer closed the window: opens it under its next key.</summary>
    private void WindowClosed(uint key)
    {
        if (key == _window?.RemoteKey)
        {
            int incarnation = _connection.Incarnation;
            _world.After(_dice.Between(0, 20_000), () => OpenAgain(incarnation));
        }
    }

    private void OpenAgain(int incarnation)
    {
        if (incarnation == _connection.Incarnation)
            TryOpenWindow();
    }

    /// <summary>Takes the window away while it is open, or before it is opened again.</summary>
    private void RevokeWindow()
    {
        _isWindowRevoked = true;
        OpenWindowKey = 0;
        _window?.Dispose();
        _window = null;
        _world.Touch();
    }
}
