using System.Globalization;

namespace RoceEngine.PerfTool.Options;

/// <summary>The tests that a flag is for, and what to say in the others.</summary>
/// <param name="Allows">True for the tests that know the flag.</param>
/// <param name="Reason">The end of the sentence that begins with the flag.</param>
/// <param name="HarmlessValue">A value that says what is so anyway, accepted everywhere.</param>
internal sealed record Availability(Func<PerfTest, bool> Allows, string Reason, string? HarmlessValue = null)
{
    public static Availability Bandwidth { get; } = new(test => test.IsBandwidth, "is available in bandwidth tests only");

    /// <summary>Bandwidth tests, but the value 1 is what latency tests do anyway.</summary>
    public static Availability BandwidthUnlessOne { get; } = Bandwidth with { HarmlessValue = "1" };

    public static Availability Latency { get; } = new(test => test.IsLatency, "is available in latency tests only");

    public static Availability Responses { get; } = new(test => test.IsResponse, "is available in READ and atomic tests only");

    public static Availability Atomics { get; } = new(test => test.Verb == PerfVerb.Atomic, "is available in atomic tests only");

    public static Availability NotAtomics { get; } =
        new(test => test.Verb != PerfVerb.Atomic, "cannot be changed for atomics, which are 8 bytes", PerfTest.AtomicBytes.ToString(CultureInfo.InvariantCulture));

    public static Availability Inline { get; } = new(test => !test.IsResponse, "is not available on READ and atomics");

    public static Availability Events { get; } = new(test => test.Verb != PerfVerb.Write, "is not available on WRITE");

    public static Availability WarmUp { get; } =
        new(test => test.IsBandwidth && test.Verb != PerfVerb.Send, "is available in READ, WRITE and atomic bandwidth tests only");

    public static Availability SharedReceives { get; } = new(test => test.UsesReceives, "is available in SEND tests only");

    public static Availability Receives { get; } =
        new(test => test.UsesReceives, "is available in SEND tests only (nothing else uses the receive queue)", "1");
}
