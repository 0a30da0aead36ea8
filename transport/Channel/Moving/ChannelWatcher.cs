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
    private TrackedMemory? _tracked;
    private bool _isDaemonGone;
    private volatile bool _isStopping;

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
        _tracked?.Dispose();
        _daemon.Socket.Dispose();
    }

    /// <summary>Says that a restored device is this process's. The daemon says nothing before, so nobody else speaks now; when it is gone, the thread notices.</summary>
    public void ConfirmRestored()
    {
        var request = new DaemonRequest { Type = ChannelProtocol.ConfirmRestoredType, Version = ChannelProtocol.Version };
        _ = _daemon.TrySend(ChannelJson.Write(request));
    }

    private void Run()
    {
        _ = ThreadScheduling.TrySet(0, ThreadUrgency.Brief);
        while (!_isStopping && TryListen())
        {
            // Each time is some news.
        }
        _onLost();
    }

    /// <summary>Waits for news of the daemon, and of the one to which the device is on its way. False when nobody has the device any more.</summary>
    private bool TryListen()
    {
        Span<PollDescriptor> descriptors = stackalloc PollDescriptor[2];
        MoveToDaemon? leaving = _move is { CopiesMemory: false } ? _move : null;
        descriptors[0] = new PollDescriptor { Descriptor = _isDaemonGone ? -1 : _daemon.Socket.Descriptor, Events = PollDescriptor.POLLIN };
        descriptors[1] = new PollDescriptor { Descriptor = leaving?.Stream.Socket.Descriptor ?? -1, Events = PollDescriptor.POLLIN };
        if (Events.Wait(descriptors, -1) == 0)
            return true;
        if (descriptors[1].ReturnedEvents != 0)
            return HearThere(leaving!);
        return HearDaemon();
    }

    /// <summary>News of the daemon; false when it is gone and no other can have the device.</summary>
    private bool HearDaemon()
    {
        FrameStream daemon = _daemon;
        bool isThere = daemon.TryFill();
        while (!_isStopping && _daemon == daemon && daemon.TryTake(out ReadOnlySpan<byte> message))
            Handle(message);
        if (isThere || _daemon != daemon)
            return true;

        // A daemon that is gone may have brought everything there already: the one there lets the guest in, or drops the device.
        _isDaemonGone = true;
        return _move is { CopiesMemory: false };
    }

    /// <summary>News of the daemon to which the device is on its way with its memory; false when nobody has the device any more.</summary>
    private bool HearThere(MoveToDaemon move)
    {
        if (move.Hear() is not { } wasLetIn)
            return true;
        if (wasLetIn)
        {
            FrameStream before = _daemon;
            IsAt(move, move.WasLetIn(TimeSpan.Zero));
            Say(before, MoveSignals.Gone, "");
            return true;
        }

        // One that took the device and is gone had it last. Else the daemon here has it back, if it is there.
        bool isLost = !move.Decision.TryWithdraw() || _isDaemonGone;
        DropMove();
        return !isLost;
    }

    private void Handle(ReadOnlySpan<byte> message)
    {
        switch (message.IsEmpty ? (byte)0 : message[0])
        {
            case MoveSignals.Track:
                DropTracked();
                SetTracked(TrackedMemory.TryStart(_memory, _daemon));
                break;
            case MoveSignals.Collect:
                _tracked?.Collect(_daemon);
                break;
            case MoveSignals.Hold:
                Hold();
                break;
            case MoveSignals.Prepare:
                Prepare(message[1..]);
                break;
            case MoveSignals.Freeze:
                Freeze();
                break;
            case MoveSignals.Stay:
                DropMove();
                DropTracked();
                break;
            default:
                // A daemon of a later version says more than this library understands.
                break;
        }
    }

    private void Hold()
    {
        byte answer = 0;
        string? problem = _tracked is null ? "the guest does not track its memory"
            : _daemon.HasMore ? "the daemon said something else"
            : _tracked.Hold(_daemon, out answer);
        if (problem is not null)
            Say(_daemon, MoveSignals.Held, problem);
        else if (answer == MoveSignals.Stay)
            Handle([answer]);
    }

    /// <summary>Everybody waits until the daemon there has the device, or has not.</summary>
    private void Freeze()
    {
        FrameStream here = _daemon;
        if (_tracked is null || _move is not { CopiesMemory: true } move)
        {
            Say(here, MoveSignals.Stays, "the guest is not prepared to go");
            return;
        }
        FreezeOutcome outcome = _tracked.GoOver(move.Stream);
        switch (outcome.Result)
        {
            case FreezeResult.Replaced:
                IsAt(move, move.WasLetIn(TimeSpan.FromMicroseconds(outcome.FrozenNs / 1000.0)));
                Say(here, MoveSignals.Gone, "");
                break;
            case var _ when !move.Decision.TryWithdraw():
                // The daemon there had taken it, and the guest cannot follow: it is lost.
                DropMove();
                here.Socket.Shutdown();
                break;
            default:
                DropMove();
                DropTracked();
                Say(here, MoveSignals.Stays, TrackedMemory.Describe(outcome));
                break;
        }
    }

    private void SetTracked(TrackedMemory? tracked)
    {
        lock (_lock)
        {
            _tracked = tracked;
        }
    }

    private void DropTracked()
    {
        TrackedMemory? tracked = _tracked;
        SetTracked(null);
        tracked?.Dispose();
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

    /// <summary>Another daemon is the daemon from here on.</summary>
    private void IsAt(MoveToDaemon move, DeviceMoved moved)
    {
        lock (_lock)
        {
            _daemon = move.TakeStream();
            _isDaemonGone = false;
            _move = null;
            if (_isStopping)
                _daemon.Socket.Shutdown();
        }
        move.Dispose();
        DropTracked();
        _onMoved(moved);
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
