namespace RoceEngine.Simulation.Traffic;

/// <summary>Gives out pieces of a buffer in a circle; they come back in the same order.</summary>
internal sealed class LandingRing(int bytes)
{
    private readonly LinkedList<int> _starts = new();
    private int _tail;

    /// <summary>Takes a piece; -1 when there is no room now.</summary>
    public int TryTake(int pieceBytes)
    {
        // A word apart, on words: atomics want that.
        int needed = (pieceBytes + 15) & ~7;
        int head = _starts.First?.Value ?? -1;
        int start = head < 0 ? 0 : _tail;
        if (head >= 0 && start <= head)
            start = start + needed <= head ? start : -1;
        else if (start + needed > bytes)
            start = head > needed ? 0 : -1;
        if (start < 0 || start + needed > bytes)
            return -1;
        _starts.AddLast(start);
        _tail = start + needed;
        return start;
    }

    /// <summary>Gives the oldest piece back.</summary>
    public void ReleaseOldest() => _starts.RemoveFirst();

    /// <summary>Gives the newest piece back: it was not used.</summary>
    public void CancelNewest()
    {
        _tail = _starts.Last!.Value;
        _starts.RemoveLast();
    }
}
