using BenchmarkDotNet.Attributes;
using RoceEngine.Capture;
using RoceEngine.Wire;

namespace RoceEngine.Benchmarks;

/// <summary>What a packet tap costs a worker while a capture runs.</summary>
[MemoryDiagnoser]
public class CaptureBenchmarks : IDisposable
{
    private static readonly Gid Source = Gid.FromIPv4(0x7F00_0002);
    private static readonly Gid Destination = Gid.FromIPv4(0x7F00_0003);

    private readonly CaptureWriter _writer = new(Stream.Null);
    private readonly byte[] _datagram = new byte[1040];
    private long _nowNs;

    /// <summary>A datagram of path MTU 1024 with its synthesised headers and checksums.</summary>
    [Benchmark]
    public void WriteDatagram() => _writer.WriteDatagram(
        Source, Destination, RoceUdp.SourcePortMin, 0, 0, _datagram, ++_nowNs, CaptureDirection.Outbound);

    [GlobalCleanup]
    public void Dispose()
    {
        _writer.Dispose();
        GC.SuppressFinalize(this);
    }
}
