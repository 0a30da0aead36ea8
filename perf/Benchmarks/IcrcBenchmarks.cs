using BenchmarkDotNet.Attributes;
using RoceEngine.Wire;

namespace RoceEngine.Benchmarks;

/// <summary>The ICRC, from the bare sum to what a receiver does per datagram.</summary>
[MemoryDiagnoser]
public class IcrcBenchmarks
{
    private static readonly Gid Source = Gid.FromIPv4(0x7F00_0002);
    private static readonly Gid Destination = Gid.FromIPv4(0x7F00_0003);
    private static readonly IcrcPseudo Pseudo = new(Source, Destination, RoceUdp.SourcePortMin);

    private byte[] _datagram = [];
    private byte[] _copy = [];

    /// <summary>Payload bytes.</summary>
    [Params(64, 1024, 4096)]
    public int Bytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var packet = new Packet { Opcode = Opcode.RcSendOnly, PartitionKey = 0xFFFF, DestinationQpn = 17, PayloadBytes = Bytes };
        _datagram = new byte[PacketCodec.DatagramBytes(packet)];
        _copy = new byte[_datagram.Length];
        new Random(1).NextBytes(_datagram);
        PacketCodec.EncodeHeaders(packet, _datagram);
        Icrc.Write(_datagram.AsSpan(^Icrc.Length..), Icrc.Begin(Pseudo, _datagram.AsSpan(..^Icrc.Length), _datagram.Length));
        if (!Verify())
        {
            throw new InvalidOperationException("the datagram does not verify");
        }
    }

    /// <summary>The table form.</summary>
    [Benchmark]
    public uint Scalar() => Crc32.UpdateScalar(Icrc.Seed, _datagram.AsSpan(BthView.Length, Bytes));

    /// <summary>The bare fold, as wide as the processor has it: what the others are measured against.</summary>
    [Benchmark(Baseline = true)]
    public uint Vector() => Crc32.Update(Icrc.Seed, _datagram.AsSpan(BthView.Length, Bytes));

    /// <summary>The fold with a copy in the same pass.</summary>
    [Benchmark]
    public uint VectorWithCopy() => Crc32.UpdateAndCopy(Icrc.Seed, _datagram.AsSpan(BthView.Length, Bytes), _copy);

    /// <summary>All of a datagram to be sent: masked headers, payload, result.</summary>
    [Benchmark]
    public uint Transmit()
    {
        uint state = Icrc.Begin(Pseudo, _datagram.AsSpan(0, BthView.Length), _datagram.Length);
        return Icrc.Finish(Icrc.Update(state, _datagram.AsSpan(BthView.Length, Bytes)));
    }

    /// <summary>The identification-blind check of a received datagram.</summary>
    [Benchmark]
    public bool Verify() => IcrcVerifier.TryVerify(Source, Destination, RoceUdp.SourcePortMin, _datagram, out _);

    /// <summary>The adjustment of one datagram of a train.</summary>
    [Benchmark]
    public uint ShiftIdentification() => Icrc.ShiftIdentification(41, _datagram.Length);
}
