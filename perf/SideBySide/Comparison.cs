namespace RoceEngine.SideBySide;

/// <summary>One side of a comparison. Set up once, measured in every round.</summary>
internal interface IMeasurement : IDisposable
{
    /// <summary>Runs for about that many seconds and returns a figure in the comparison's unit.</summary>
    double Measure(double seconds);
}

/// <summary>Something of the engine and the physical limit that it runs against.</summary>
/// <param name="Name">The figure's name in the JSON output.</param>
/// <param name="Unit">Unit of both sides. A latency's ratio above 1 is slower than the limit, a rate's below 1.</param>
/// <param name="Description">What is compared, for the table.</param>
internal sealed record Comparison(string Name, string Unit, string Description, Func<IMeasurement> Engine, Func<IMeasurement> Limit)
{
    /// <summary>True where more is better.</summary>
    public bool IsRate => Unit != Units.Microseconds;
}

/// <summary>Units of figures.</summary>
internal static class Units
{
    /// <summary>10^9 bytes per second.</summary>
    public const string GigabytesPerSecond = "GB/s";

    /// <summary>10^6 messages per second.</summary>
    public const string MillionPerSecond = "M/s";

    /// <summary>10^-6 s.</summary>
    public const string Microseconds = "us";
}
