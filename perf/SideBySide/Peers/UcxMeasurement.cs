using System.Globalization;

namespace RoceEngine.SideBySide.Peers;

/// <summary>
/// UCX with its TCP transport over loopback, tagged messages between two processes: what an MPI program would use on a machine without RDMA.
/// <c>ucx_perftest</c>.
/// </summary>
/// <param name="messageBytes">Bytes of each message.</param>
/// <param name="isLatency">Half of a round trip in µs, else a stream in GB/s.</param>
internal sealed class UcxMeasurement(int messageBytes, bool isLatency) : IMeasurement
{
    /// <summary>Where the numbers stand in the line that <c>-v</c> prints: the overall latency, in µs, and the overall bandwidth, in MiB/s.</summary>
    private const int LatencyColumn = 3;

    private const int BandwidthColumn = 5;
    private const int Columns = 8;
    private const int IterationsMin = 20;
    private const int IterationsMax = 5_000_000;
    private const double FirstBytes = 64 << 20;
    private const int FirstIterationsMax = 2_000;

    private double _iterationsPerSecond;

    public static PeerProgram Program { get; } = new(
        "ucx_perftest", "ucx-utils", new Dictionary<string, string> { ["UCX_TLS"] = "tcp", ["UCX_NET_DEVICES"] = "lo", ["UCX_WARN_UNUSED_ENV_VARS"] = "n" });

    /// <summary>The program counts messages, not seconds: the speed before tells how many they shall be.</summary>
    public double WarmUpSeconds => 0.1;

    public double Measure(double seconds)
    {
        int iterations = _iterationsPerSecond == 0
            ? (int)Math.Clamp(FirstBytes / messageBytes, IterationsMin, FirstIterationsMax)
            : (int)Math.Clamp(_iterationsPerSecond * seconds, IterationsMin, IterationsMax);
        string output = Program.Run(
            port => ["-p", Text(port)],
            port => ["127.0.0.1", "-p", Text(port), "-t", isLatency ? "tag_lat" : "tag_bw", "-s", Text(messageBytes), "-n", Text(iterations), "-w", Text(iterations / 10), "-f", "-v"]);
        string[] numbers = output.Split('\n').Select(line => line.Trim().Split(',')).LastOrDefault(words => words.Length == Columns && char.IsAsciiDigit(words[0].FirstOrDefault()))
            ?? throw new InvalidOperationException("ucx_perftest printed no result");
        double latencyUs = Number(numbers[LatencyColumn]);
        double bandwidth = Number(numbers[BandwidthColumn]) * (1 << 20) / 1e9;
        _iterationsPerSecond = isLatency ? 1e6 / latencyUs / 2 : bandwidth * 1e9 / messageBytes;
        return isLatency ? latencyUs : bandwidth;
    }

    public void Dispose()
    {
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
