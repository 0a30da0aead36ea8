namespace RoceEngine.Libibverbs;

/// <summary><c>enum ibv_rate</c>: static rates, which this device does not limit to.</summary>
internal static class Rates
{
    private const int Max = 0;

    // IBV_RATE_…, Gbit/s times ten as the constant is named, and the link's true Mbit/s.
    private static readonly (int Rate, int NamedTenths, int Mbps)[] s_all =
    [
        (2, 25, 2_500), (5, 50, 5_000), (3, 100, 10_000), (6, 200, 20_000), (4, 300, 30_000), (7, 400, 40_000), (8, 600, 60_000),
        (9, 800, 80_000), (10, 1200, 120_000), (11, 140, 14_062), (12, 560, 56_250), (13, 1120, 112_500), (14, 1680, 168_750),
        (15, 250, 25_781), (16, 1000, 103_125), (17, 2000, 206_250), (18, 3000, 309_375), (19, 280, 28_125), (20, 500, 53_125),
        (21, 4000, 425_000), (22, 6000, 637_500), (23, 8000, 850_000), (24, 12000, 1_275_000),
    ];

    /// <summary>Multiples of 2.5 Gbit/s; -1 for what is none.</summary>
    public static int ToMultiple(int rate) => Array.Find(s_all, entry => entry.Rate == rate) is { Rate: not 0 } found && found.NamedTenths % 25 == 0
        ? found.NamedTenths / 25
        : -1;

    /// <summary>The rate of so many times 2.5 Gbit/s; the highest when there is none.</summary>
    public static int FromMultiple(int multiple) => Array.Find(s_all, entry => entry.NamedTenths == multiple * 25).Rate;

    /// <summary>Mbit/s; -1 for no rate.</summary>
    public static int ToMbps(int rate) => Array.Find(s_all, entry => entry.Rate == rate) is { Rate: not 0 } found ? found.Mbps : -1;

    /// <summary>The rate of exactly so many Mbit/s; the highest (0) when there is none.</summary>
    public static int FromMbps(int mbps) => mbps == 0 ? Max : Array.Find(s_all, entry => entry.Mbps == mbps).Rate;
}
