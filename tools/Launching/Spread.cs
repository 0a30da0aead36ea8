namespace RoceEngine.Launching;

/// <summary>Median and maximum of some values.</summary>
/// <param name="Median">The middle one, or the mean of the two in the middle; 0 of none.</param>
/// <param name="Max">The largest one; 0 of none.</param>
public readonly record struct Spread(double Median, double Max)
{
    /// <summary>Of values in any order.</summary>
    public static Spread Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0)
            return default;
        double median = (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        return new Spread(median, sorted[^1]);
    }
}
