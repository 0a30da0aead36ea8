namespace RoceEngine.Protocol;

/// <summary>How large the window is: what losses, marks and round trips make of it.</summary>
/// <remarks>
/// A period is a window's worth of bytes that were delivered or lost. One without trouble lets the window grow. Loss below
/// <see cref="LossIgnoredShare"/> says nothing about congestion; above, the window shrinks by the share that was lost. A congestion
/// notification cuts it by half the share of periods that had one (as DCTCP does with marks, RFC 8257), and long round trips by the
/// part that they are too long (as Swift does, SIGCOMM 2020). A timeout, or a peer that drops what is behind a hole, halves it.
/// A hole is known to be mended one round trip later, and the next behind it only then: a window of more than <see cref="HoleShare"/>
/// of what lies between two losses would lengthen the round trip for nothing, so the window is no larger.
/// </remarks>
public sealed partial class PathWindow
{
    /// <summary>The part of a period's bytes that may be lost without the window shrinking: random loss, or another's burst.</summary>
    public const double LossIgnoredShare = 0.02;

    /// <summary>
    /// Round trips may be this much longer than the shortest known, in ns, before they count as a queue: more than the threads of both ends
    /// and a full window at the speed of memory take, less than the buffers of a slow link hold.
    /// </summary>
    public const long DelayAllowedNs = 2_000_000;

    /// <summary>The window is at most this part of the bytes between two losses.</summary>
    public const double HoleShare = 0.5;

    private const double CutMax = 0.5;

    /// <summary>What an old period counts for, when the next one is added to it.</summary>
    private const double MemoryOfPeriods = 0.75;
    private const double NotifiedShareGain = 1.0 / 16;

    /// <summary>So many round trips are looked at together, and the shortest counts: a thread that was not scheduled is not a queue.</summary>
    private const int RoundTripsPerVerdict = 8;

    /// <summary>The shortest round trip is forgotten slowly, since routes change: an eighth of it, every so often, in ns.</summary>
    private const long BaseForgottenEveryNs = 10_000_000_000;

    private long _periodDeliveredBytes;
    private long _periodLostBytes;
    private int _periodHoles;
    private double _recentBytes;
    private double _recentHoles;
    private double _notifiedShare = 1;
    private bool _isNotified;
    private bool _isDelayed;
    private long _baseRoundTripNs = long.MaxValue;
    private long _baseForgottenAtNs;
    private long _shortestOfVerdictNs = long.MaxValue;
    private int _roundTripsOfVerdict;

    /// <summary>Times the window was made smaller because packets were lost.</summary>
    public long Losses { get; private set; }

    /// <summary>Times the window was made smaller because of a congestion notification.</summary>
    public long Notifications { get; private set; }

    /// <summary>Times the window was made smaller because round trips took too long.</summary>
    public long Delays { get; private set; }

    /// <summary>The shortest round trip known, in ns; 0 while none was measured.</summary>
    public long BaseRoundTripNs => _baseRoundTripNs == long.MaxValue ? 0 : _baseRoundTripNs;

    /// <summary>
    /// Everything under way seems lost (timeout), or has to be sent again (go-back-N): halves the window, once per window's worth.
    /// </summary>
    internal void OnLoss()
    {
        if (_releasedBytesTotal >= _recoveredAtBytes)
        {
            Cut(CutMax);
            Losses++;
        }
    }

    /// <summary>Single packets were lost, and will be sent again alone.</summary>
    internal void OnPacketLoss(long bytes)
    {
        _periodLostBytes += bytes;
        _periodHoles++;
        EndPeriodWhenDue();
    }

    /// <summary>The peer saw packets marked Congestion Experienced (CNP). IBTA annex A17.</summary>
    internal void OnCongestionNotified()
    {
        _isNotified = true;
        if (TryCut(_notifiedShare / 2))
        {
            Notifications++;
        }
    }

    /// <summary>A packet and its acknowledgement took so long.</summary>
    internal void OnRoundTrip(long roundTripNs, long nowNs)
    {
        if (nowNs - _baseForgottenAtNs >= BaseForgottenEveryNs)
        {
            _baseForgottenAtNs = nowNs;
            _baseRoundTripNs = _baseRoundTripNs == long.MaxValue ? long.MaxValue : _baseRoundTripNs + (_baseRoundTripNs >> 3);
        }

        _baseRoundTripNs = Math.Min(_baseRoundTripNs, Math.Max(1, roundTripNs));
        _shortestOfVerdictNs = Math.Min(_shortestOfVerdictNs, roundTripNs);
        if (++_roundTripsOfVerdict < RoundTripsPerVerdict)
        {
            return;
        }

        long allowedNs = _baseRoundTripNs + DelayAllowedNs;
        long shortestNs = _shortestOfVerdictNs;
        _roundTripsOfVerdict = 0;
        _shortestOfVerdictNs = long.MaxValue;
        _isDelayed = shortestNs > allowedNs;
        if (_isDelayed && TryCut(Math.Min(CutMax, (shortestNs - allowedNs) / (double)shortestNs)))
        {
            Delays++;
        }
    }

    /// <summary>
    /// A packet of an unacknowledged service passed. Nobody tells what becomes of it: without a notification it counts as delivered, so
    /// that the window grows again.
    /// </summary>
    internal void CountPaced(long bytes)
    {
        _acquiredBytesTotal += bytes;
        _releasedBytesTotal += bytes;
        CountDelivered(bytes);
    }

    private void CountDelivered(long bytes)
    {
        _periodDeliveredBytes += bytes;
        EndPeriodWhenDue();
    }

    private void EndPeriodWhenDue()
    {
        long bytes = _periodDeliveredBytes + _periodLostBytes;
        if (bytes < LimitBytes)
        {
            return;
        }

        double lostShare = _periodLostBytes / (double)bytes;
        _periodDeliveredBytes = 0;
        _periodLostBytes = 0;
        _notifiedShare += ((_isNotified ? 1 : 0) - _notifiedShare) * NotifiedShareGain;
        bool grows = !_isNotified && !_isDelayed;
        _isNotified = false;
        if (lostShare > LossIgnoredShare && TryCut(Math.Min(CutMax, lostShare - LossIgnoredShare)))
        {
            Losses++;
        }

        long mostBytes = MostBetweenHoles(bytes);
        if (grows && LimitBytes < mostBytes)
        {
            LimitBytes = Math.Min(mostBytes, LimitBytes + GrowthBytesPerPeriod);
        }
        else if (LimitBytes > mostBytes)
        {
            LimitBytes = mostBytes;
        }
    }

    /// <summary>The part of the bytes between two losses of late that the window may be; the ceiling where nothing is lost.</summary>
    private long MostBetweenHoles(long periodBytes)
    {
        _recentBytes = (_recentBytes * MemoryOfPeriods) + periodBytes;
        _recentHoles = (_recentHoles * MemoryOfPeriods) + _periodHoles;
        _periodHoles = 0;
        return _recentBytes * HoleShare >= _recentHoles * CeilingBytes
            ? CeilingBytes
            : Math.Max(_floorBytes, (long)(_recentBytes * HoleShare / _recentHoles));
    }

    /// <summary>Makes the window smaller by a share, unless nothing came back that was sent since that was done last.</summary>
    private bool TryCut(double share)
    {
        if (_releasedBytesTotal <= _recoveredAtBytes)
        {
            return false;
        }

        Cut(share);
        return true;
    }

    private void Cut(double share)
    {
        _recoveredAtBytes = _acquiredBytesTotal;
        LimitBytes = Math.Max(_floorBytes, (long)(LimitBytes * (1 - share)));
    }
}
