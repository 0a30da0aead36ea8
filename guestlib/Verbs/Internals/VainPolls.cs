using System.Diagnostics;
using RoceEngine.Interop;

namespace RoceEngine.Verbs.Internals;

/// <summary>
/// What a thread does that polls again and again for nothing while its device is served by another process: it offers its core, which that
/// process, or the peer, may be waiting for. Where nobody took the core it offers it less and less often; where somebody did it does so after a few
/// polls, and takes short slices of time, since with long ones a thread that yields is not back before the others have used up as much.
/// Threads may share one; they then offer somewhat more or less often.
/// </summary>
internal struct VainPolls
{
    /// <summary>Polls in vain before the next offer while others take it: what a program does between two polls is enough of a look.</summary>
    private const int LimitMin = 1;

    /// <summary>Before the first offer: some 0.5 µs.</summary>
    private const int LimitFirst = 64;

    /// <summary>While nobody takes it: an offer costs some 0.4 µs, these polls some 10.</summary>
    private const int LimitMax = 1024;

    /// <summary>An offer that nobody takes is back sooner.</summary>
    private static readonly long s_takenTicks = Stopwatch.Frequency * 2500 / 1_000_000_000;

    [ThreadStatic]
    private static bool t_hasShortSlices;

    private int _count;
    private int _limit;

    /// <summary>A poll found something.</summary>
    public void Reset() => _count = 0;

    /// <summary>A poll found nothing.</summary>
    public void Add()
    {
        if (++_count > _limit)
            Offer();
    }

    private void Offer()
    {
        _count = 0;
        if (_limit == 0)
        {
            _limit = LimitFirst;
            return;
        }

        long offered = Stopwatch.GetTimestamp();
        _ = Scheduling.Yield();
        if (Stopwatch.GetTimestamp() - offered < s_takenTicks)
        {
            _limit = Math.Min(2 * _limit, LimitMax);
            return;
        }

        _limit = LimitMin;
        if (!t_hasShortSlices)
        {
            t_hasShortSlices = true;
            _ = ThreadScheduling.TrySet(0, ThreadUrgency.Brief);
        }
    }
}
