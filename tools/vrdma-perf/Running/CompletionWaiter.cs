using RoceEngine.PerfTool.Exchange;
using RoceEngine.PerfTool.Migrating;
using RoceEngine.PerfTool.Options;
using RoceEngine.Verbs;

namespace RoceEngine.PerfTool.Running;

/// <summary>
/// Polls the CQ, or sleeps on its events, and watches the other side meanwhile: its "done" is kept, its failure thrown.
/// </summary>
/// <param name="endpoint">Whose CQ it is.</param>
/// <param name="options">The run.</param>
/// <param name="channel">To the other side.</param>
/// <param name="meter">Is told of completions; null for none.</param>
/// <param name="stop">Ends the run.</param>
internal sealed class CompletionWaiter(
    Endpoint endpoint, PerfOptions options, IPeerChannel channel, CompletionMeter? meter = null, CancellationToken stop = default)
{
    /// <summary>Completions taken at once.</summary>
    public const int BatchCompletions = 64;

    /// <summary>Longest sleep before the other side is looked at again.</summary>
    private const int EventWaitMs = 50;

    private readonly WorkCompletion[] _batch = new WorkCompletion[BatchCompletions];
    private readonly CompletionQueue _queue = endpoint.Completions;
    private readonly bool _sleeps = options.UseEvents;
    private Task? _event;
    private int _held;
    private IdleStrategy _idle = new(pollsDrive: options.Pair != PairMode.None || options.Embedded is not null);

    /// <summary>The other side's last word on this size, once it came.</summary>
    public PeerMessage? PeerDone { get; private set; }

    /// <summary>The completions that the last <see cref="Poll"/> took, all successful.</summary>
    public ReadOnlySpan<WorkCompletion> Batch(int count) => _batch.AsSpan(0, count);

    /// <summary>A new size begins.</summary>
    public void Restart() => PeerDone = null;

    /// <summary>Takes what completions there are; when there are none, idles a little.</summary>
    /// <returns>How many were taken.</returns>
    /// <exception cref="PeerException">One had failed, or the other side did.</exception>
    public int Poll()
    {
        int count = _held > 0 ? _held : _queue.Poll(_batch);
        _held = 0;
        meter?.Look(count);
        if (count == 0)
        {
            Idle();
            return 0;
        }

        _idle.Reset();
        for (int index = 0; index < count; index++)
            CompletionError.ThrowIfFailed(_batch[index]);
        return count;
    }

    /// <summary>Waits until the other side is done with this size, keeping the device alive.</summary>
    /// <param name="mustPoll">True when the device runs only while somebody polls.</param>
    public PeerMessage WaitForPeer(bool mustPoll)
    {
        while (PeerDone is null)
        {
            if (mustPoll)
                Poll();
            else
                LookAtPeer(EventWaitMs);
        }

        return PeerDone;
    }

    /// <summary>
    /// Keeps a device going that runs only while it is polled, before this side's part begins. The other side may have
    /// begun already: what completes is kept for the next <see cref="Poll"/>.
    /// </summary>
    public void DriveOnly()
    {
        if (_held == 0)
            _held = _queue.Poll(_batch);
        Thread.Yield();
    }

    /// <summary>The completions of the last poll stand for so many messages of this side.</summary>
    public void Count(long messages) => meter?.Add(messages);

    /// <summary>Throws when the device is gone, or the run shall end.</summary>
    public void CheckHealth()
    {
        stop.ThrowIfCancellationRequested();
        if (endpoint.Context.IsLost)
            throw new DeviceLostException("the device is gone");
    }

    private void Idle()
    {
        stop.ThrowIfCancellationRequested();
        if (_sleeps)
            Sleep();
        else if (_idle.Idle())
            LookAtPeer(0);
    }

    private void Sleep()
    {
        _event ??= _queue.WaitAsync().AsTask();
        if (_event.Wait(EventWaitMs))
            _event = null;
        LookAtPeer(0);
    }

    private void LookAtPeer(int waitMs)
    {
        if (PeerDone is null && channel.TryReceive(waitMs) is { } message)
            PeerDone = PeerProtocol.Checked(message, PeerMessageKind.Done);
        if (waitMs > 0)
            CheckHealth();
    }
}
