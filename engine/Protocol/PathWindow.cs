using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace RoceEngine.Protocol;

/// <summary>
/// Bounds the bytes under way on one path: requests not yet acknowledged, and READ responses asked for and not yet come.
/// Without it the receiver's socket buffer drops what an unpaced GSO stream offers.
/// </summary>
/// <remarks>
/// Additive increase, multiplicative decrease between <see cref="FloorBytes"/> and the limit given: see the file of its size. QPs that find no room wait in
/// line; one at a time is given a turn, so that many QPs share the path fairly. Used by one worker thread.
/// </remarks>
public sealed partial class PathWindow
{
    /// <summary>The window never shrinks below this (or below the limit, where that is smaller).</summary>
    public const long FloorBytes = 64 * 1024;

    /// <summary>What a packet costs beside its payload: headers and the receiver's own overhead, roughly.</summary>
    public const int PacketOverheadBytes = 64;

    private const long GrowthBytesPerPeriod = 32 * 1024;

    private readonly long _floorBytes;
    private QueuePair? _firstWaiting;
    private QueuePair? _lastWaiting;
    private QueuePair? _granted;
    private long _acquiredBytesTotal;
    private long _releasedBytesTotal;
    private long _recoveredAtBytes = -1;

    /// <summary>A window of at most <paramref name="limitBytes"/>.</summary>
    public PathWindow(long limitBytes)
    {
        CeilingBytes = limitBytes;
        LimitBytes = limitBytes;

        // As if some windows had been delivered without a loss: a single one says nothing of the next.
        _recentBytes = limitBytes / (1 - MemoryOfPeriods);
        _floorBytes = Math.Min(FloorBytes, limitBytes);
    }

    /// <summary>The limit given at construction.</summary>
    public long CeilingBytes { get; }

    /// <summary>Bytes that may be under way now.</summary>
    public long LimitBytes { get; private set; }

    /// <summary>Bytes under way now.</summary>
    public long InFlightBytes { get; private set; }

    /// <summary>Paces what gets no acknowledgements and therefore never enters the window.</summary>
    internal PathPacer Pacer { get; } = new();

    /// <summary>Room left; negative after a loss while more is under way than the smaller window allows.</summary>
    public long AvailableBytes => LimitBytes - InFlightBytes;

    /// <summary>True while a QP waits in line.</summary>
    public bool HasWaiting => _firstWaiting is not null;

    /// <summary>
    /// Takes room for <paramref name="bytes"/>. An empty window takes anything, so that a packet larger than the window still goes.
    /// False when there is no room, or others were first in line.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryAcquire(QueuePair qp, long bytes)
    {
        if (_firstWaiting is not null && _granted != qp)
        {
            return false;
        }

        if (!HasRoomFor(bytes))
        {
            return false;
        }

        AcquireAnyway(bytes);
        return true;
    }

    /// <summary>Takes room even where there is none: for the one packet that asks for the acknowledgement that will free some.</summary>
    internal void AcquireAnyway(long bytes)
    {
        InFlightBytes += bytes;
        _acquiredBytesTotal += bytes;
    }

    /// <summary>Gives room back: acknowledged, so the window may grow when <paramref name="delivered"/>, or given up.</summary>
    internal void Release(long bytes, bool delivered)
    {
        Debug.Assert(bytes <= InFlightBytes);
        InFlightBytes -= bytes;
        _releasedBytesTotal += bytes;
        if (delivered)
        {
            CountDelivered(bytes);
        }

        WakeNext();
    }

    /// <summary>Puts a QP at the end of the line; it is scheduled when its turn comes and there is room for <paramref name="bytes"/>.</summary>
    internal void Wait(QueuePair qp, long bytes)
    {
        qp.WindowBytesWanted = bytes;
        if (qp.WaitsForWindow)
        {
            return;
        }

        qp.WaitsForWindow = true;
        qp.NextWaiting = null;
        if (_lastWaiting is null)
        {
            _firstWaiting = qp;
        }
        else
        {
            _lastWaiting.NextWaiting = qp;
        }

        _lastWaiting = qp;
    }

    /// <summary>
    /// The QP's turn is over (it transmitted what it could, or wants nothing any more): the next in line gets one.
    /// True when that is the same QP.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool EndTurn(QueuePair qp)
    {
        if (_granted != qp)
        {
            return false;
        }

        _granted = null;
        WakeNext();
        return _granted == qp;
    }

    /// <summary>Forgets a QP that leaves the path.</summary>
    internal void Leave(QueuePair qp)
    {
        if (qp.WaitsForWindow)
        {
            Unlink(qp);
            WakeNext();
        }

        EndTurn(qp);
    }

    private bool HasRoomFor(long bytes) => InFlightBytes + bytes <= LimitBytes || InFlightBytes == 0;

    private void WakeNext()
    {
        if (_firstWaiting is not { } next || _granted is not null || !HasRoomFor(next.WindowBytesWanted))
        {
            return;
        }

        _firstWaiting = next.NextWaiting;
        if (_firstWaiting is null)
        {
            _lastWaiting = null;
        }

        next.NextWaiting = null;
        next.WaitsForWindow = false;
        _granted = next;
        next.Schedule();
    }

    private void Unlink(QueuePair qp)
    {
        QueuePair? previous = null;
        for (QueuePair? each = _firstWaiting; each is not null; previous = each, each = each.NextWaiting)
        {
            if (each != qp)
            {
                continue;
            }

            if (previous is null)
            {
                _firstWaiting = qp.NextWaiting;
            }
            else
            {
                previous.NextWaiting = qp.NextWaiting;
            }

            if (_lastWaiting == qp)
            {
                _lastWaiting = previous;
            }

            break;
        }

        qp.NextWaiting = null;
        qp.WaitsForWindow = false;
    }
}
