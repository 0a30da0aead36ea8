namespace RoceEngine.PerfTool.Statistics;

/// <summary>
/// The least time per message between any post <c>i</c> and any completion <c>j ≥ i</c>:
/// min (completed[j] − posted[i]) / (j − i + 1), which is what perftest calls the peak.
/// </summary>
/// <remarks>
/// The quotient is the slope from the point (i, posted[i]) to the point (j + 1, completed[j]). For one j the least slope
/// touches the upper convex hull of the posts up to j, so a hull that grows with j and a binary search on it find the
/// minimum in O(n log n) where trying all pairs takes O(n²).
/// </remarks>
internal static class PeakRate
{
    /// <summary>
    /// Nanoseconds per message at the peak, or 0 when nothing was completed.
    /// </summary>
    /// <param name="postedNs">When each message was posted; 0 for a message that was posted together with the one before.</param>
    /// <param name="completedNs">When each completion was seen; 0 for a message that had no completion of its own.</param>
    public static double LeastNsPerMessage(ReadOnlySpan<long> postedNs, ReadOnlySpan<long> completedNs)
    {
        int[] hull = new int[postedNs.Length];
        int hullCount = 0;
        double least = double.PositiveInfinity;
        for (int index = 0; index < completedNs.Length; index++)
        {
            if (index < postedNs.Length && postedNs[index] != 0)
                hullCount = Push(hull, hullCount, postedNs, index);
            if (completedNs[index] != 0 && hullCount > 0)
                least = Math.Min(least, LeastSlope(hull.AsSpan(0, hullCount), postedNs, index + 1, completedNs[index]));
        }

        return double.IsPositiveInfinity(least) ? 0 : least;
    }

    /// <summary>Adds a post to the upper hull and takes off those that it hides.</summary>
    private static int Push(int[] hull, int count, ReadOnlySpan<long> posted, int index)
    {
        while (count >= 2 && !TurnsRight(posted, hull[count - 2], hull[count - 1], index))
            count--;
        hull[count] = index;
        return count + 1;
    }

    private static bool TurnsRight(ReadOnlySpan<long> posted, int first, int middle, int last) =>
        Slope(posted, first, middle) > Slope(posted, middle, last);

    private static double Slope(ReadOnlySpan<long> posted, int from, int to) => (posted[to] - posted[from]) / (double)(to - from);

    /// <summary>Slopes to a point on the right fall and then rise along the hull: search the turning point.</summary>
    private static double LeastSlope(ReadOnlySpan<int> hull, ReadOnlySpan<long> posted, int x, long y)
    {
        int low = 0;
        int high = hull.Length - 1;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (SlopeTo(posted, hull[middle], x, y) <= SlopeTo(posted, hull[middle + 1], x, y))
                high = middle;
            else
                low = middle + 1;
        }

        return SlopeTo(posted, hull[low], x, y);
    }

    private static double SlopeTo(ReadOnlySpan<long> posted, int from, int x, long y) => (y - posted[from]) / (double)(x - from);
}
