using System.Globalization;

namespace RoceEngine.Launching;

/// <summary>Median and largest of some values.</summary>
/// <param name="Median">The middle one, or the mean of the two in the middle; 0 of none.</param>
/// <param name="Largest">0 of none.</param>
public readonly record struct Spread(double Median, double Largest)
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

    /// <summary>With two decimals.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"median {Median:F2}, longest {Largest:F2}");
}
