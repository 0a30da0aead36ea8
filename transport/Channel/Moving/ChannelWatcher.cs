using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>
/// The guest's end of the connection to its daemon: notices when the daemon is gone, and goes along when the device moves to another one, behind the
/// application's back. Has a thread of its own.
/// </summary>
internal sealed class ChannelWatcher
{
    private readonly ChannelMemory _memory;
    private readonly Action _onLost;
    private readonly Action<DeviceMoved> _onMoved;
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private FrameStream _daemon;
    private MoveToDaemon? _move;
    private bool _isStopping;

    public ChannelWatcher(ChannelMemory memory, UnixSocket socket, Action onLost, Action<DeviceMoved> onMoved)
    {
        _memory = memory;
        _daemon = new FrameStream(socket);
        _onLost = onLost;
        _onMoved = onMoved;
        _thread = new Thread(Run) { IsBackground = true, Name = "vrdma-channel" };
    }

    public void Start() => _thread.Start();

    /// <summary>Ends the connection, which tells the daemon to take the device away, and the thread.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            _isStopping = true;
            _daemon.Socket.Shutdown();
            _move?.Interrupt();
        }
        _thread.Join();
        _move?.Dispose();
        _daemon.Socket.Dispose();
    }

    private void Run()
    {
        Span<PollDescriptor> descriptor = stackalloc PollDescriptor[1];
        while (true)
        {
            descriptor[0] = new PollDescriptor { Descriptor = _daemon.Socket.Descriptor, Events = PollDescriptor.POLLIN };
            if (Events.Wait(descriptor, -1) == 0)
                continue;
            bool isThere = _daemon.TryFill();
            while (!_isStopping && _daemon.TryTake(out ReadOnlySpan<byte> message))
                Handle(message);
            if (isThere)
                continue;

            // A daemon that died in the middle of a move may have brought everything there already.
            FrameStream gone = _daemon;
            if (_isStopping || _move is null || !GoOver())
                break;
            gone.Socket.Dispose();
        }
        _onLost();
    }

    private void Handle(ReadOnlySpan<byte> message)
    {
        switch (message.IsEmpty ? (byte)0 : message[0])
        {
            case MoveSignals.Track:
                Say(_daemon, MoveSignals.Tracking, "the guest's library cannot copy its memory");
                break;
            case MoveSignals.Prepare:
                Prepare(message[1..]);
                break;
            case MoveSignals.Go:
                Go();
                break;
            case MoveSignals.Stay:
                DropMove();
                break;
            default:
                // A daemon of a later version says more than this library understands.
                break;
        }
    }

    private void Go()
    {
        FrameStream here = _daemon;
        if (_move is null || !GoOver())
            Say(here, MoveSignals.Stays, "the daemon there did not take the device");
        else
            Say(here, MoveSignals.Gone, "");
    }

    private void Prepare(ReadOnlySpan<byte> order)
    {
        DropMove();
        string? problem = MoveToDaemon.TryBegin(order, _memory, out MoveToDaemon? move);
        lock (_lock)
        {
            _move = move;
        }
        Say(_daemon, MoveSignals.Prepared, problem ?? "");
    }

    /// <summary>Asks to be let in; then the daemon there is the daemon. False when it did not: all is as before.</summary>
    private bool GoOver()
    {
        MoveToDaemon move = _move!;
        if (move.Arrive() is not { } moved)
        {
            DropMove();
            return false;
        }
        lock (_lock)
        {
            _daemon = move.TakeStream();
            _move = null;
            if (_isStopping)
                _daemon.Socket.Shutdown();
        }
        move.Dispose();
        _onMoved(moved);
        return true;
    }

    private void DropMove()
    {
        MoveToDaemon? move;
        lock (_lock)
        {
            move = _move;
            _move = null;
        }
        move?.Dispose();
    }

    /// <summary>Says something to a daemon; the last thing, when it is no more the guest's.</summary>
    private void Say(FrameStream to, byte signal, string text)
    {
        byte[] message = [signal, .. System.Text.Encoding.UTF8.GetBytes(text)];
        _ = to.TrySend(message);
        if (to != _daemon)
            to.Socket.Dispose();
    }
}
