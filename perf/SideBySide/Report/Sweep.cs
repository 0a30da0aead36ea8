using RoceEngine.SideBySide.Engine;
using RoceEngine.SideBySide.Limits;
using RoceEngine.SideBySide.Peers;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide.Report;

/// <summary>Bandwidth and latency against message size, 2 B to 8 MiB. At each size all lines are measured by turns.</summary>
internal static class Sweep
{
    private const int Rounds = 3;
    private const double WarmUpSeconds = 0.2;

    /// <summary>Both inline pairs are there at a time.</summary>
    private const int UdpNumber = 0;

    private const int LocalNumber = 1;

    /// <summary>From 2 bytes to 8 MiB by factors of 4.</summary>
    public static IReadOnlyList<int> Sizes { get; } = [.. Enumerable.Range(0, 12).Select(i => 2 << (2 * i))];

    /// <summary>A line that is to be measured.</summary>
    private sealed record Line(string Name, CurveKind Kind, Func<int, IMeasurement> Create)
    {
        public string? Missing { get; init; }
    }

    /// <summary>Measures streams; each line's side is measured for <paramref name="seconds"/> in all at each size.</summary>
    public static IReadOnlyList<Curve> Bandwidth(Stage stage, double seconds) => Measure("bandwidth", seconds,
    [
        new("vRDMA over UDP, inline", CurveKind.OverUdp, bytes => MessageStream.Goodput(GuestPair.OverUdp(bytes, UdpNumber), SendOpcode.Write, bytes)),
        new("vRDMA over UDP, daemons", CurveKind.OverUdp, bytes => MessageStream.Goodput(stage.OverUdp.Open(bytes), SendOpcode.Write, bytes)),
        new("vRDMA on one host, inline", CurveKind.Local, bytes => MessageStream.Goodput(GuestPair.Local(bytes, LocalNumber), SendOpcode.Write, bytes)),
        new("vRDMA on one host, daemon", CurveKind.Local, bytes => MessageStream.Goodput(stage.Local.Open(bytes), SendOpcode.Write, bytes)),
        new("raw UDP, GSO+GRO", CurveKind.Limit, RawLimits.Goodput),
        new("memcpy", CurveKind.Limit, bytes => new MemoryCopy(bytes)),
        new("TCP sockets", CurveKind.Peer, bytes => new TcpStream(bytes)),
        new("UCX over TCP", CurveKind.Peer, bytes => new UcxMeasurement(bytes, isLatency: false)) { Missing = UcxMeasurement.Program.Missing },
    ]);

    /// <summary>Measures ping-pongs.</summary>
    public static IReadOnlyList<Curve> Latency(Stage stage, double seconds) => Measure("latency", seconds,
    [
        new("vRDMA over UDP, inline", CurveKind.OverUdp, bytes => new PingPong(GuestPair.OverUdp(bytes, UdpNumber), SendOpcode.Write, bytes)),
        new("vRDMA over UDP, daemons", CurveKind.OverUdp, bytes => new PingPong(stage.OverUdp.Open(bytes), SendOpcode.Write, bytes)),
        new("vRDMA on one host, inline", CurveKind.Local, bytes => new PingPong(GuestPair.Local(bytes, LocalNumber), SendOpcode.Write, bytes)),
        new("vRDMA on one host, daemon", CurveKind.Local, bytes => new PingPong(stage.Local.Open(bytes), SendOpcode.Write, bytes)),
        new("raw UDP, GSO+GRO", CurveKind.Limit, RawLimits.Latency),
        new("TCP sockets", CurveKind.Peer, bytes => new TcpPingPong(bytes)),
        new("UCX over TCP", CurveKind.Peer, bytes => new UcxMeasurement(bytes, isLatency: true)) { Missing = UcxMeasurement.Program.Missing },
        new("libfabric udp;ofi_rxd", CurveKind.Peer, bytes => new FabricMeasurement(bytes)) { Missing = FabricMeasurement.Program.Missing },
    ]);

    private static List<Curve> Measure(string what, double seconds, Line[] lines)
    {
        foreach (Line line in lines.Where(line => line.Missing is not null))
            Console.Error.WriteLine($"chart: no line of {line.Name}: {line.Missing}");
        lines = [.. lines.Where(line => line.Missing is null)];
        var points = lines.ToDictionary(line => line.Name, _ => new List<CurvePoint>());
        foreach (int bytes in Sizes)
        {
            Console.Error.WriteLine($"{what} at {SizeText.Spaced(bytes)} …");
            var sides = new List<Side>();
            try
            {
                foreach (Line line in lines)
                    sides.Add(new Side(line.Name, () => line.Create(bytes)));
                for (int round = 0; round < Rounds; round++)
                {
                    foreach (Side side in sides)
                        side.Measure(seconds / Rounds);
                }
                foreach (Side side in sides)
                {
                    if (side.Median is { } median)
                        points[side.Name].Add(new CurvePoint(bytes, median));
                }
            }
            finally
            {
                foreach (Side side in sides)
                    side.Dispose();
            }
        }
        return [.. lines.Select(line => new Curve(line.Name, line.Kind, points[line.Name]))];
    }

    /// <summary>
    /// One line at one size. A failure is told and leaves a gap, since a peer that stalls or a socket's buffer that is too small for a size says nothing of
    /// the others.
    /// </summary>
    private sealed class Side : IDisposable
    {
        private readonly List<double> _values = [];
        private IMeasurement? _measurement;

        public Side(string name, Func<IMeasurement> create)
        {
            Name = name;
            Try(() =>
            {
                _measurement = create();
                _measurement.Measure(Math.Min(WarmUpSeconds, _measurement.WarmUpSeconds));
            });
        }

        public string Name { get; }

        public double? Median => _values.Count == 0 ? null : InterleavedRun.Median([.. _values]);

        public void Measure(double seconds)
        {
            if (_measurement is not { } measurement)
                return;
            Try(() =>
            {
                double value = measurement.Measure(seconds);
                if (double.IsFinite(value) && value > 0)
                    _values.Add(value);
            });
        }

        public void Dispose() => _measurement?.Dispose();

        private void Try(Action action)
        {
            try
            {
                action();
            }
            catch (Exception failure) when (InterleavedRun.IsOfMeasurement(failure))
            {
                Console.Error.WriteLine($"chart: {Name}: {failure.Message.ReplaceLineEndings(" ")}");
                _measurement?.Dispose();
                _measurement = null;
                _values.Clear();
            }
        }
    }
}
