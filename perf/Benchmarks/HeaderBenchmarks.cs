using BenchmarkDotNet.Attributes;
using RoceEngine.Wire;

namespace RoceEngine.Benchmarks;

/// <summary>Header fields to bytes and back.</summary>
[MemoryDiagnoser]
public class HeaderBenchmarks
{
    private readonly byte[] _bytes = new byte[RoceUdp.DatagramBytesMax];
    private Packet _packet;
    private int _datagramBytes;

    /// <summary>With no, one and two extension headers.</summary>
    [Params(Opcode.RcSendMiddle, Opcode.RcWriteFirst, Opcode.RcAtomicAcknowledge)]
    public Opcode Opcode { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _packet = new Packet
        {
            Opcode = Opcode,
            Flags = PacketFlags.AcknowledgeRequest,
            PartitionKey = 0xFFFF,
            DestinationQpn = 17,
            Psn = new Psn(0x123456),
            RemoteAddress = 0x1000,
            RemoteKey = 7,
            DmaLength = 65_536,
            PayloadBytes = OpcodeTable.For(Opcode).HasAny(PacketTraits.HasPayload) ? 1024 : 0,
        };
        _datagramBytes = PacketCodec.DatagramBytes(_packet);
        Encode();
        if (!Decode())
        {
            throw new InvalidOperationException("the packet does not decode");
        }
    }

    [Benchmark]
    public int Encode() => PacketCodec.EncodeHeaders(_packet, _bytes);

    [Benchmark]
    public bool Decode() => PacketCodec.TryDecode(_bytes.AsSpan(0, _datagramBytes), out _, out _);
}
