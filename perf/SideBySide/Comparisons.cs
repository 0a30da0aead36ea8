using RoceEngine.SideBySide.Engine;
using RoceEngine.SideBySide.Limits;

namespace RoceEngine.SideBySide;

/// <summary>All that is compared, in the order of the table.</summary>
internal static class Comparisons
{
    private const int PathMtuBytes = 4096;

    /// <summary>BTH and ICRC.</summary>
    private const int MiddleOverheadBytes = 12 + 4;

    /// <summary>BTH, RETH and ICRC.</summary>
    private const int OnlyOverheadBytes = 12 + 16 + 4;

    private const long BeyondCachesBytes = 256L << 20;
    private const long InCacheBytes = 16 << 10;

    public static IReadOnlyList<Comparison> All { get; } =
    [
        new("udp_write_goodput_64KiB", Units.GigabytesPerSecond, "RC WRITE 64 KiB over UDP ÷ raw GSO+GRO stream", () => UdpStream(64 << 10), RawStream),
        new("udp_write_goodput_1MiB", Units.GigabytesPerSecond, "RC WRITE 1 MiB over UDP ÷ raw GSO+GRO stream", () => UdpStream(1 << 20), RawStream),
        new(
            "udp_write_latency_8B", Units.Microseconds, "RC WRITE 8 B over UDP ÷ raw spinning datagram, half round trip",
            () => new WritePingPong(GuestPair.OverUdp(4096), looksPerPoll: 1), () => new RawUdpPingPong(OnlyOverheadBytes + 8)),
        new(
            "udp_write_rate_64B", Units.MillionPerSecond, "RC WRITE 64 B over UDP ÷ raw GSO datagrams of that size",
            () => new WriteStream(GuestPair.OverUdp(4096), 64, Guest.SendDepth, signalEvery: 64, 1e-6),
            () => new RawUdpStream(OnlyOverheadBytes + 64, trainDatagrams: 64, 1e-6)),
        new(
            "local_write_latency_8B", Units.Microseconds, "RC WRITE 8 B to a guest of the same host ÷ cache line, half round trip",
            () => new WritePingPong(GuestPair.Local(4096), looksPerPoll: 200), () => new CacheLinePingPong()),
        new("local_write_bandwidth_64KiB", Units.GigabytesPerSecond, "RC WRITE 64 KiB to a guest of the same host ÷ memcpy", () => LocalStream(64 << 10), () => new MemoryCopy(64 << 10)),
        new("local_write_bandwidth_1MiB", Units.GigabytesPerSecond, "RC WRITE 1 MiB to a guest of the same host ÷ memcpy", () => LocalStream(1 << 20), () => new MemoryCopy(1 << 20)),
        new(
            "icrc_4KiB", Units.GigabytesPerSecond, "ICRC of 4 KiB pieces of 256 MiB ÷ reading them",
            () => new BufferPass<IcrcPass>(BeyondCachesBytes, 4096), () => new BufferPass<ReadPass>(BeyondCachesBytes, 4096)),
        new(
            "icrc_4KiB_in_cache", Units.GigabytesPerSecond, "ICRC of 4 KiB in the cache ÷ bare carry-less fold",
            () => new BufferPass<IcrcPass>(InCacheBytes, 4096), () => new BufferPass<FoldPass>(InCacheBytes, 4096)),
    ];

    private static WriteStream UdpStream(int messageBytes) => new(
        GuestPair.OverUdp(messageBytes), messageBytes, DepthFor(messageBytes), signalEvery: 1, messageBytes / 1e9);

    // Few enough that what is under way stays in the caches, as with memcpy.
    private static LocalWriteStream LocalStream(int messageBytes) => new(messageBytes, depth: 4);

    private static RawUdpStream RawStream() => new(PathMtuBytes + MiddleOverheadBytes, trainDatagrams: 15, PathMtuBytes / 1e9);

    private static int DepthFor(int messageBytes) => Math.Clamp((4 << 20) / messageBytes, 4, 64);
}
