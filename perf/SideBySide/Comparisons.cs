using System.Globalization;
using RoceEngine.SideBySide.Daemons;
using RoceEngine.SideBySide.Engine;
using RoceEngine.SideBySide.Limits;
using RoceEngine.SideBySide.Peers;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide;

/// <summary>All that is compared, in the order of the table.</summary>
internal static class Comparisons
{
    private const int Kibi64 = 64 << 10;
    private const int Mebi1 = 1 << 20;
    private const int SmallBytes = 64;
    private const int RateDepth = 128;
    private const long BeyondCachesBytes = 256L << 20;
    private const long InCacheBytes = 16 << 10;

    private static readonly (SendOpcode Opcode, string Verb)[] s_verbs = [(SendOpcode.Write, "write"), (SendOpcode.Send, "send"), (SendOpcode.Read, "read")];
    private static readonly int[] s_largeSizes = [Kibi64, Mebi1];
    private static readonly int[] s_fabricSizes = [sizeof(long), Kibi64];

    private static readonly Bar s_goodputBar = new(0.75, 0.9);
    private static readonly Bar s_largeWriteBar = new(0.85, 0.95);
    private static readonly Bar s_udpLatencyBar = new(1.25, 1.1);
    private static readonly Bar s_copyBar = new(0.85, 0.95);
    private static readonly Bar s_callsBar = new(40);
    private static readonly Bar s_fasterThanPeer = new(1, 2);
    private static readonly Bar s_shorterThanPeer = new(1, 0.5);

    /// <summary>The comparisons; those through daemons use the stage's when they run.</summary>
    public static IReadOnlyList<Comparison> For(Stage stage) =>
    [
        .. OverUdp(),
        .. OnOneHost(stage),
        .. Checksums(),
        .. Costs(stage),
        .. AgainstUcx(stage),
        .. AgainstFabric(stage),
        .. OnTwoCores(stage),
        .. Idleness(stage),
    ];

    private static IEnumerable<Comparison> OverUdp()
    {
        foreach ((SendOpcode opcode, string verb) in s_verbs)
        {
            foreach (int bytes in s_largeSizes)
                yield return UdpGoodput(opcode, verb, bytes);
        }
        yield return UdpLatency(SendOpcode.Write, "write");
        yield return UdpLatency(SendOpcode.Send, "send");
        yield return new Comparison(
            "udp_write_rate_64B", Units.MillionPerSecond, "RC WRITE 64 B over UDP, depth 128 ÷ raw GSO datagrams of that size",
            () => new MessageStream(GuestPair.OverUdp(4096), SendOpcode.Write, SmallBytes, RateDepth, signalEvery: RateDepth / 4, 1e-6),
            () => RawLimits.Rate(SmallBytes)) { Bar = new Bar(0.4, 0.6) };
    }

    private static Comparison UdpGoodput(SendOpcode opcode, string verb, int bytes) => new(
        $"udp_{verb}_goodput_{SizeText.Of(bytes)}", Units.GigabytesPerSecond,
        $"RC {verb.ToUpperInvariant()} {SizeText.Spaced(bytes)} over UDP ÷ raw GSO+GRO stream",
        () => MessageStream.Goodput(GuestPair.OverUdp(bytes), opcode, bytes), () => RawLimits.Goodput(bytes))
        { Bar = opcode == SendOpcode.Write && bytes == Mebi1 ? s_largeWriteBar : s_goodputBar };

    private static Comparison UdpLatency(SendOpcode opcode, string verb) => new(
        $"udp_{verb}_latency_8B", Units.Microseconds, $"RC {verb.ToUpperInvariant()} 8 B over UDP ÷ raw spinning datagram, half round trip",
        () => new PingPong(GuestPair.OverUdp(4096), opcode, sizeof(long)), () => RawLimits.Latency(sizeof(long)))
        { Bar = s_udpLatencyBar };

    private static IEnumerable<Comparison> OnOneHost(Stage stage)
    {
        yield return new Comparison(
            "local_write_latency_8B", Units.Microseconds, "RC WRITE 8 B to a guest of the same host, inline ÷ cache line, half round trip",
            () => new PingPong(GuestPair.Local(4096), SendOpcode.Write, sizeof(long)), () => new CacheLinePingPong());
        yield return new Comparison(
            "daemon_local_write_latency_8B", Units.Microseconds, "RC WRITE 8 B from process to process through the daemon ÷ cache line, half round trip",
            () => new PingPong(stage.Local.Open(4096), SendOpcode.Write, sizeof(long)), () => new CacheLinePingPong()) { Bar = new Bar(4, 2.5) };
        foreach (int bytes in s_largeSizes)
        {
            // Few enough messages that what is under way stays in the caches, as with memcpy.
            yield return new Comparison(
                $"local_write_bandwidth_{SizeText.Of(bytes)}", Units.GigabytesPerSecond,
                $"RC WRITE {SizeText.Spaced(bytes)} to a guest of the same host, inline ÷ memcpy",
                () => new LocalWriteStream(bytes, depth: 4), () => new MemoryCopy(bytes)) { Bar = s_copyBar };
            yield return new Comparison(
                $"daemon_local_write_bandwidth_{SizeText.Of(bytes)}", Units.GigabytesPerSecond,
                $"RC WRITE {SizeText.Spaced(bytes)} from process to process through the daemon ÷ memcpy",
                () => MessageStream.Goodput(stage.Local.Open(bytes), SendOpcode.Write, bytes), () => new MemoryCopy(bytes)) { Bar = s_copyBar };
        }
    }

    private static IEnumerable<Comparison> Checksums() =>
    [
        new(
            "icrc_4KiB", Units.GigabytesPerSecond, "ICRC of 4 KiB pieces of 256 MiB ÷ reading them",
            () => new BufferPass<IcrcPass>(BeyondCachesBytes, 4096), () => new BufferPass<ReadPass>(BeyondCachesBytes, 4096)),
        new(
            "icrc_4KiB_in_cache", Units.GigabytesPerSecond, "ICRC of 4 KiB in the cache ÷ bare carry-less fold",
            () => new BufferPass<IcrcPass>(InCacheBytes, 4096), () => new BufferPass<FoldPass>(InCacheBytes, 4096)) { Bar = new Bar(0.85, 0.95) },
    ];

    private static IEnumerable<Comparison> Costs(Stage stage)
    {
        yield return new Comparison(
            "udp_write_allocation", Units.BytesPerMessage, "managed memory for an RC WRITE of 64 KiB over UDP: guests, hosts and protocol of both ends",
            () => new AllocatedPerMessage(MessageStream.Goodput(GuestPair.OverUdp(Kibi64), SendOpcode.Write, Kibi64))) { Bar = new Bar(0) };
        foreach (int bytes in s_largeSizes)
        {
            yield return new Comparison(
                $"udp_write_system_calls_{SizeText.Of(bytes)}", Units.CallsPerMebibyte, $"system calls of both links, RC WRITE {SizeText.Spaced(bytes)} over UDP, inline",
                () => InlineCalls(bytes, pair => pair.LinkCalls)) { Bar = s_callsBar };
            yield return new Comparison(
                $"udp_write_system_calls_of_use_{SizeText.Of(bytes)}", Units.CallsPerMebibyte, $"the same without those that found an empty socket, {SizeText.Spaced(bytes)}",
                () => InlineCalls(bytes, pair => pair.LinkCallsOfUse));
            yield return new Comparison(
                $"daemon_udp_write_system_calls_{SizeText.Of(bytes)}", Units.CallsPerMebibyte, $"system calls of both links, RC WRITE {SizeText.Spaced(bytes)} through two daemons",
                () => new SystemCallsPerMebibyte(MessageStream.Goodput(stage.OverUdp.Open(bytes), SendOpcode.Write, bytes), stage.OverUdp.LinkCalls)) { Bar = s_callsBar };
        }
    }

    private static SystemCallsPerMebibyte InlineCalls(int bytes, Func<GuestPair, long> calls)
    {
        GuestPair pair = GuestPair.OverUdp(bytes);
        return new SystemCallsPerMebibyte(MessageStream.Goodput(pair, SendOpcode.Write, bytes), () => calls(pair));
    }

    private static IEnumerable<Comparison> AgainstUcx(Stage stage)
    {
        foreach ((string form, string words, Func<int, IEnginePair> open) in Forms(stage))
        {
            foreach (int bytes in s_largeSizes)
            {
                yield return new Comparison(
                    $"ucx_goodput_{SizeText.Of(bytes)}_{form}", Units.GigabytesPerSecond, $"RC SEND {SizeText.Spaced(bytes)} over UDP, {words} ÷ UCX over TCP (tag_bw)",
                    () => MessageStream.Goodput(open(bytes), SendOpcode.Send, bytes), () => new UcxMeasurement(bytes, isLatency: false))
                { Bar = s_fasterThanPeer, Missing = () => UcxMeasurement.Program.Missing };
            }
            yield return new Comparison(
                $"ucx_latency_8B_{form}", Units.Microseconds, $"RC SEND 8 B over UDP, {words} ÷ UCX over TCP (tag_lat), half round trip",
                () => new PingPong(open(4096), SendOpcode.Send, sizeof(long)), () => new UcxMeasurement(sizeof(long), isLatency: true))
            { Bar = s_shorterThanPeer, Missing = () => UcxMeasurement.Program.Missing };
        }
    }

    private static IEnumerable<Comparison> AgainstFabric(Stage stage)
    {
        foreach ((string form, string words, Func<int, IEnginePair> open) in Forms(stage))
        {
            foreach (int bytes in s_fabricSizes)
            {
                yield return new Comparison(
                    $"fabric_latency_{SizeText.Of(bytes)}_{form}", Units.Microseconds,
                    $"RC SEND {SizeText.Spaced(bytes)} over UDP, {words} ÷ libfabric udp;ofi_rxd, half round trip",
                    () => new PingPong(open(bytes), SendOpcode.Send, bytes), () => new FabricMeasurement(bytes))
                { Bar = s_shorterThanPeer, Missing = () => FabricMeasurement.Program.Missing };
            }
        }
    }

    private static (string Form, string Words, Func<int, IEnginePair> Open)[] Forms(Stage stage) =>
    [
        ("daemons", "two guests and two daemons as processes", bytes => stage.OverUdp.Open(bytes)),
        ("inline", "inline", bytes => GuestPair.OverUdp(bytes)),
    ];

    private static IEnumerable<Comparison> OnTwoCores(Stage stage)
    {
        foreach (int bytes in s_largeSizes)
        {
            yield return new Comparison(
                $"two_core_goodput_{SizeText.Of(bytes)}", Units.GigabytesPerSecond,
                $"RC WRITE {SizeText.Spaced(bytes)}, two guests and two daemons on two cores ÷ TCP sockets, two threads",
                () => MessageStream.Goodput(stage.OverUdp.Open(bytes), SendOpcode.Write, bytes), () => new TcpStream(bytes)) { Bar = new Bar(1) };
        }
        yield return new Comparison(
            "two_core_latency_8B", Units.Microseconds, "RC WRITE 8 B, two guests and two daemons on two cores ÷ TCP sockets, spinning, half round trip",
            () => new PingPong(stage.OverUdp.Open(4096), SendOpcode.Write, sizeof(long)), () => new TcpPingPong(sizeof(long))) { Bar = new Bar(1) };
    }

    private static IEnumerable<Comparison> Idleness(Stage stage) =>
    [
        new("idle_daemon_cpu", Units.PercentOfCore, "a daemon whose guest is attached, connected and idle", () => new IdleDaemon(stage.OverUdp)) { Bar = new Bar(1) },
        new("wake_up_median", Units.Microseconds, "RC WRITE 8 B to a guest of the same host, from post to completion, the daemon asleep: median", () => new WakeUp(stage.Local, 50)),
        new("wake_up_p99", Units.Microseconds, "the same, 99th percentile", () => new WakeUp(stage.Local, 99)),
    ];
}

/// <summary>Sizes as text.</summary>
internal static class SizeText
{
    /// <summary>For names: 64KiB.</summary>
    public static string Of(int bytes) => Spaced(bytes).Replace(" ", "", StringComparison.Ordinal);

    /// <summary>For people: 64 KiB.</summary>
    public static string Spaced(int bytes) => bytes switch
    {
        >= 1 << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes >> 20} MiB"),
        >= 1 << 10 => string.Create(CultureInfo.InvariantCulture, $"{bytes >> 10} KiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
    };
}
