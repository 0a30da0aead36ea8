namespace RoceEngine.PerfTool.Statistics;

/// <summary>What a bandwidth run of one size gave, in units that no option changes.</summary>
/// <param name="SizeBytes">Bytes of a message.</param>
/// <param name="Iterations">Messages that were counted, over all queue pairs.</param>
/// <param name="PeakBytesPerSecond">Best rate between any post and any later completion; 0 when not measured.</param>
/// <param name="AverageBytesPerSecond">Bytes over the whole measured time.</param>
/// <param name="MessagesPerSecond">Messages over the whole measured time.</param>
internal readonly record struct BandwidthResult(
    long SizeBytes, long Iterations, double PeakBytesPerSecond, double AverageBytesPerSecond, double MessagesPerSecond)
{
    /// <summary>Messages completed in a span of time; a span of nothing gives zero rates.</summary>
    public static BandwidthResult From(long sizeBytes, long iterations, double seconds, double peakNsPerMessage = 0) =>
        new(
            sizeBytes,
            iterations,
            peakNsPerMessage > 0 ? sizeBytes * 1e9 / peakNsPerMessage : 0,
            seconds > 0 ? sizeBytes * (double)iterations / seconds : 0,
            seconds > 0 ? iterations / seconds : 0);

    /// <summary>Both directions of a bidirectional run: rates add up, the count stays one side's.</summary>
    public BandwidthResult Plus(in BandwidthResult other) => this with
    {
        PeakBytesPerSecond = PeakBytesPerSecond + other.PeakBytesPerSecond,
        AverageBytesPerSecond = AverageBytesPerSecond + other.AverageBytesPerSecond,
        MessagesPerSecond = MessagesPerSecond + other.MessagesPerSecond,
    };
}
