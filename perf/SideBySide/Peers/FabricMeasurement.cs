using System.Globalization;

namespace RoceEngine.SideBySide.Peers;

/// <summary>
/// libfabric's reliable datagrams over UDP (<c>udp;ofi_rxd</c>) over loopback between two processes: half of a round trip in µs. <c>fi_pingpong</c>
/// knows no stream of messages, so its bandwidth is that of one message at a time.
/// </summary>
internal sealed class FabricMeasurement(int messageBytes) : IMeasurement
{
    private const string Provider = "udp;ofi_rxd";
    private const int MicrosecondsColumn = 6;
    private const int Columns = 8;
    private const int IterationsMin = 10;
    private const int IterationsMax = 1_000_000;
    private const int FirstIterationsMax = 200;
    private const int FirstBytes = 8 << 20;

    private double _iterationsPerSecond;

    public static PeerProgram Program { get; } = new("fi_pingpong", "libfabric-bin", new Dictionary<string, string> { ["FI_UDP_IFACE"] = "lo" });

    public double WarmUpSeconds => 0.1;

    public double Measure(double seconds)
    {
        int iterations = _iterationsPerSecond == 0
            ? Math.Clamp(FirstBytes / messageBytes, IterationsMin, FirstIterationsMax)
            : (int)Math.Clamp(_iterationsPerSecond * seconds, IterationsMin, IterationsMax);
        string output = Program.Run(
            port => ["-p", Provider, "-e", "rdm", "-d", "lo", "-B", Text(port), .. Work(iterations)],
            port => ["-p", Provider, "-e", "rdm", "-d", "lo", "-P", Text(port), .. Work(iterations), "127.0.0.1"]);
        string[] numbers = output.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            .LastOrDefault(words => words.Length == Columns && char.IsAsciiDigit(words[0][0]))
            ?? throw new InvalidOperationException("fi_pingpong printed no result");
        double latencyUs = double.Parse(numbers[MicrosecondsColumn], CultureInfo.InvariantCulture);
        _iterationsPerSecond = 1e6 / latencyUs / 2;
        return latencyUs;
    }

    public void Dispose()
    {
    }

    private string[] Work(int iterations) => ["-I", Text(iterations), "-S", Text(messageBytes)];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
