namespace RoceEngine.Protocol;

/// <summary>
/// Paces services that get no acknowledgements towards one destination: about one window in <see cref="WindowDrainNs"/>, in bursts of
/// half of that. Nobody has to give anything back, so nobody can wait for ever; those who find no room wait in line, and each in turn sends
/// until the burst is spent.
/// </summary>
internal sealed class PathPacer
{
    /// <summary>Time in which a receiver is taken to deal with a window's worth of packets.</summary>
    public const long WindowDrainNs = 250_000;

    private const long BurstNs = WindowDrainNs / 2;

    private long _drainedAtNs;
    private UnreliableQueuePair? _first;
    private UnreliableQueuePair? _last;
    private UnreliableQueuePair? _turn;

    /// <summary>Lets <paramref name="bytes"/> pass, or puts the QP in line: it is told when to ask again.</summary>
    public bool TryPass(UnreliableQueuePair qp, long bytes, long windowBytes, long nowNs)
    {
        bool othersFirst = _turn != qp && (_turn is not null || _first is not null);
        if (othersFirst || BacklogNs(nowNs) >= BurstNs)
        {
            _turn = _turn == qp ? null : _turn;
            Enqueue(qp);
            qp.RetryAt(long.MaxValue);
            WakeFirst(nowNs);
            return false;
        }

        _drainedAtNs = Math.Max(_drainedAtNs, nowNs) + (bytes * WindowDrainNs / Math.Max(1, windowBytes));
        return true;
    }

    /// <summary>The time that the first in line was told has come.</summary>
    public void BeginTurn(UnreliableQueuePair qp)
    {
        if (_turn is null && _first == qp)
        {
            Unlink(qp);
            _turn = qp;
        }
    }

    /// <summary>The QP wants nothing more: the next in line may go on at once, as far as the burst is not spent.</summary>
    public void Leave(UnreliableQueuePair qp, long nowNs)
    {
        Unlink(qp);
        _turn = _turn == qp ? null : _turn;
        if (_turn is null && _first is { } next && BacklogNs(nowNs) < BurstNs)
        {
            BeginTurn(next);
            next.Schedule();
        }
        else
        {
            WakeFirst(nowNs);
        }
    }

    private long BacklogNs(long nowNs) => Math.Max(0, _drainedAtNs - nowNs);

    /// <summary>The first in line asks again when half a burst is free.</summary>
    private void WakeFirst(long nowNs)
    {
        if (_turn is null && _first is { } first)
        {
            first.RetryAt(Math.Max(nowNs + 1, _drainedAtNs - (BurstNs / 2)));
        }
    }

    private void Enqueue(UnreliableQueuePair qp)
    {
        if (qp.WaitsForWindow)
        {
            return;
        }

        qp.WaitsForWindow = true;
        qp.NextWaiting = null;
        if (_last is null)
        {
            _first = qp;
        }
        else
        {
            _last.NextWaiting = qp;
        }

        _last = qp;
    }

    private void Unlink(UnreliableQueuePair qp)
    {
        if (!qp.WaitsForWindow)
        {
            return;
        }

        UnreliableQueuePair? previous = null;
        for (UnreliableQueuePair? each = _first; each != qp; each = Next(each!))
        {
            previous = each;
        }

        if (previous is null)
        {
            _first = Next(qp);
        }
        else
        {
            previous.NextWaiting = qp.NextWaiting;
        }

        _last = _last == qp ? previous : _last;
        qp.NextWaiting = null;
        qp.WaitsForWindow = false;
    }

    private static UnreliableQueuePair? Next(UnreliableQueuePair qp) => (UnreliableQueuePair?)qp.NextWaiting;
}
