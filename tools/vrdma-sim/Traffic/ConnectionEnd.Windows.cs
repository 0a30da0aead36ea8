using RoceEngine.Simulation.Drawing;
using RoceEngine.Simulation.World;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <content>
/// Datagrams' constants, and keys that work requests open over the own target: closed by the peer's SEND with invalidate, by the owner
/// when the peer needs them no more, or taken away.
/// </content>
internal sealed partial class ConnectionEnd
{
    private const uint QueueKey = 0x1234_5678;
    private const int FastRegisterPagesMax = 128;
    private const AccessFlags WindowAccess =
        AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic | AccessFlags.FlushGlobal;

    private MemoryWindow? _window;
    private FastMemoryRegion? _fastRegion;
    private bool _isWindowRevoked;
    private ulong _bindSequence;
    private uint _closingKey;

    /// <summary>The key that the peer may use from now on; 0 while no window is open.</summary>
    public uint OpenWindowKey { get; private set; }

    private bool IsDatagram => _connection.Plan.Service == QueuePairType.Ud;

    /// <summary>The longest datagram: what the port's MTU holds.</summary>
    private const int DatagramBytesMax = 4096;

    /// <summary>A peer may close any but a type-1 window.</summary>
    private bool MayPeerClose => OpenWindowKey != 0 && _plan.Window != WindowKind.Type1;

    /// <summary>True when the right that a request of the peer needs was taken away.</summary>
    public bool HasRevoked(PostedSend send) => !Operations.IsLocal(send.Operation) && IsRightGone(send);

    private bool IsRightGone(PostedSend send) => Memory.IsRevoked ? send.UsesTarget : _isWindowRevoked && send.WindowKey != 0;

    /// <summary>Opens a window or a fast registration, unless the queue is full: then the next closing tries again.</summary>
    private void TryOpenWindow()
    {
        if (State != EndState.Up || _isWindowRevoked)
            return;
        ulong id = (1UL << 61) | _bindSequence++;
        bool isFast = _plan.Window == WindowKind.FastRegistration && _plan.TargetBytes / 4096 < FastRegisterPagesMax - 1;
        if (isFast ? TryRegister(id, out uint key) : TryBind(id, Memory.Target, out key))
            EnterLocal(id, isFast ? Operation.FastRegister : Operation.BindWindow, key);
    }

    private bool TryBind(ulong id, MemoryRegion? region, out uint key)
    {
        _window ??= Guest.Domain.AllocateMemoryWindow(_plan.Window == WindowKind.Type1 ? MemoryWindowType.Type1 : MemoryWindowType.Type2);
        var bind = region is null
            ? default
            : new WindowBind { Region = region, Address = region.Address, Length = (ulong)region.Length, Access = WindowAccess };
        return _pair.TryPostBindWindow(_window, bind, out key, id);
    }

    private bool TryRegister(ulong id, out uint key)
    {
        _fastRegion ??= Guest.Domain.AllocateFastRegion(FastRegisterPagesMax);
        try
        {
            key = _pair.PostFastRegister(_fastRegion, Memory.TargetRegistration(WindowAccess | AccessFlags.LocalWrite), id);
            return true;
        }
        catch (VerbsException full) when (full.Errno == Errno.NoMemory)
        {
            key = 0;
            return false;
        }
    }

    private void EnterLocal(ulong id, Operation operation, uint key)
    {
        _sinceSignaled = 0;
        Enter(new PostedSend
        {
            Id = id, Operation = operation, Opcode = Operations.OpcodeOf(operation), IsSignaled = true, PostedNs = _world.NowNs, WindowKey = key,
        });
        _world.Touch();
    }

    /// <summary>A work request that opens or closes a key has had its turn.</summary>
    private void OnLocalDone(PostedSend send)
    {
        if (_isWindowRevoked)
            return;
        int incarnation = _connection.Incarnation;
        if (send.Operation is Operation.BindWindow or Operation.FastRegister)
        {
            OpenWindowKey = send.WindowKey;
            if (_dice.Chance(0.6))
                _world.After(_dice.Between(0, 100_000), () => BeginToClose(incarnation, send.WindowKey));
        }
        else
        {
            _world.After(_dice.Between(0, 20_000), () => OpenAgain(incarnation));
        }
    }

    /// <summary>The peer begins nothing new with the key; once all that it began has ended, the owner closes it.</summary>
    private void BeginToClose(int incarnation, uint key)
    {
        bool hasMore = Peer.State == EndState.Up && Peer.PostedCount < Peer._plan.Requests;
        if (incarnation != _connection.Incarnation || State != EndState.Up || key != OpenWindowKey || !hasMore)
            return;
        OpenWindowKey = 0;
        _closingKey = key;
        CloseWhenUnused();
    }

    private void CloseWhenUnused()
    {
        if (_closingKey == 0 || State != EndState.Up || _isWindowRevoked || Peer._sends.Outstanding.Any(send => send.WindowKey == _closingKey))
            return;
        uint key = _closingKey;
        _closingKey = 0;
        int incarnation = _connection.Incarnation;
        _world.After(_dice.Between(0, 5_000), () => Close(incarnation, key));
    }

    private void Close(int incarnation, uint key)
    {
        if (incarnation != _connection.Incarnation || State != EndState.Up || _isWindowRevoked)
            return;
        ulong id = (1UL << 61) | _bindSequence++;
        if (_plan.Window == WindowKind.Type1 && _dice.Chance(0.5))
        {
            // A type-1 window may be bound again while it is open: the key before dies then.
            TryOpenWindow();
        }
        else if (_plan.Window == WindowKind.Type1)
        {
            if (TryBind(id, region: null, out uint next))
                EnterLocal(id, Operation.CloseWindow, next);
        }
        else if (_pair.TryPostSend(new SendRequest { WorkRequestId = id, Opcode = SendOpcode.LocalInvalidate, Flags = SendFlags.Signaled, Immediate = key }, []))
        {
            EnterLocal(id, Operation.LocalInvalidate, key);
        }
    }

    /// <summary>The peer closed the window: opens it under its next key.</summary>
    private void WindowClosed(uint key)
    {
        if (key == _window?.RemoteKey || key == _fastRegion?.RemoteKey)
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
        DisposeWindow();
        _world.Touch();
    }

    private void DisposeWindow()
    {
        _window?.Dispose();
        _fastRegion?.Dispose();
        ForgetWindow();
    }

    private void ForgetWindow()
    {
        _window = null;
        _fastRegion = null;
        _closingKey = 0;
    }
}
