using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// A small set of PSN ranges beyond a hole whose responses came already, in order and apart from each other. What finds no room is not
/// kept: it will be asked for again.
/// </summary>
internal sealed class PsnRanges
{
    /// <summary>Ranges at most.</summary>
    public const int Capacity = 32;

    private readonly (Psn Start, Psn End)[] _ranges = new (Psn, Psn)[Capacity];

    public int Count { get; private set; }

    public void Clear() => Count = 0;

    /// <summary>Takes a range in; parts that are in already do no harm. False when there is no room for one more.</summary>
    public bool TryAdd(Psn start, Psn end)
    {
        int at = 0;
        while (at < Count && _ranges[at].End.DistanceFrom(start) < 0)
        {
            at++;
        }

        int beyond = at;
        while (beyond < Count && _ranges[beyond].Start.DistanceFrom(end) <= 0)
        {
            start = Earlier(start, _ranges[beyond].Start);
            end = Later(end, _ranges[beyond].End);
            beyond++;
        }

        if (beyond == at && Count == Capacity)
        {
            return false;
        }

        int shift = at + 1 - beyond;
        Array.Copy(_ranges, beyond, _ranges, at + 1, Count - beyond);
        Count += shift;
        _ranges[at] = (start, end);
        return true;
    }

    /// <summary>Where the range that holds <paramref name="psn"/> ends; <paramref name="psn"/> itself when none holds it.</summary>
    public Psn EndOfRangeAt(Psn psn)
    {
        for (int i = 0; i < Count; i++)
        {
            if (_ranges[i].Start.DistanceFrom(psn) <= 0 && _ranges[i].End.DistanceFrom(psn) > 0)
            {
                return _ranges[i].End;
            }
        }

        return psn;
    }

    /// <summary>
    /// The missing part of <paramref name="start"/> … <paramref name="end"/>: from the first PSN that is in no range to after the last such.
    /// False when nothing is missing.
    /// </summary>
    public bool TryFindMissing(ref Psn start, ref Psn end)
    {
        for (int i = 0; i < Count; i++)
        {
            if (_ranges[i].Start.DistanceFrom(start) <= 0)
            {
                start = Later(start, _ranges[i].End);
            }
        }

        for (int i = Count - 1; i >= 0; i--)
        {
            if (_ranges[i].End.DistanceFrom(end) >= 0)
            {
                end = Earlier(end, _ranges[i].Start);
            }
        }

        return start.DistanceFrom(end) < 0;
    }

    /// <summary>Forgets what lies before a PSN.</summary>
    public void DropBefore(Psn psn)
    {
        int passed = 0;
        while (passed < Count && _ranges[passed].End.DistanceFrom(psn) <= 0)
        {
            passed++;
        }

        if (passed > 0)
        {
            Array.Copy(_ranges, passed, _ranges, 0, Count - passed);
            Count -= passed;
        }
    }

    /// <summary>The ranges as part of a device's state.</summary>
    public void Transfer(StateCursor state)
    {
        Count = state.Count(Count, Capacity);
        for (int i = 0; i < Count; i++)
        {
            (Psn start, Psn end) = _ranges[i];
            state.Number(ref start);
            state.Number(ref end);
            state.Check(end.DistanceFrom(start) > 0 && (i == 0 || start.DistanceFrom(_ranges[i - 1].End) > 0), "ranges of PSNs overlap");
            _ranges[i] = (start, end);
        }
    }

    private static Psn Earlier(Psn left, Psn right) => left.DistanceFrom(right) < 0 ? left : right;

    private static Psn Later(Psn left, Psn right) => left.DistanceFrom(right) > 0 ? left : right;
}
