namespace RoceEngine.SideBySide;

/// <summary>One side of a comparison. Set up once, measured in every round.</summary>
internal interface IMeasurement : IDisposable
{
    /// <summary>Runs for about that many seconds and returns a figure in the comparison's unit.</summary>
    double Measure(double seconds);

    /// <summary>
    /// How long it runs before it counts: long enough for the JIT compiler to have optimised what runs, which it does in the background, in several
    /// steps. What runs in a program of somebody else's needs only to be tried once.
    /// </summary>
    double WarmUpSeconds => 1;
}

/// <summary>What a figure should reach, and what would be better still: the ratio where there is one, else the value itself.</summary>
internal sealed record Bar(double Value, double? Stretch = null);

/// <summary>Something of the engine, and what it is measured against.</summary>
/// <param name="Name">The figure's name in the JSON output.</param>
/// <param name="Unit">Unit of both sides.</param>
/// <param name="Description">What is compared, for the table.</param>
/// <param name="Engine">The engine's side.</param>
/// <param name="Limit">The physical limit or the peer; null for a figure that stands by itself.</param>
internal sealed record Comparison(string Name, string Unit, string Description, Func<IMeasurement> Engine, Func<IMeasurement>? Limit = null)
{
    /// <summary>What it should reach, if that was ever said.</summary>
    public Bar? Bar { get; init; }

    /// <summary>Gives the reason why it cannot be measured on this machine, or null.</summary>
    public Func<string?> Missing { get; init; } = () => null;

    /// <summary>True where more is better: rates. Of times, counts and shares less is.</summary>
    public bool MoreIsBetter => IsRate(Unit);

    /// <summary>True for units of rates.</summary>
    public static bool IsRate(string unit) => unit is Units.GigabytesPerSecond or Units.MillionPerSecond;
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

    /// <summary>Calls of the kernel for 2^20 bytes of payload.</summary>
    public const string CallsPerMebibyte = "calls/MiB";

    /// <summary>Bytes of managed memory for each message.</summary>
    public const string BytesPerMessage = "B/op";

    /// <summary>Share of the time of one core.</summary>
    public const string PercentOfCore = "% of a core";
}
