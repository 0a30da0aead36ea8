using BenchmarkDotNet.Attributes;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Benchmarks;

/// <summary>
/// One whole request over two queue pairs in memory: fetch, packets, checks, placement, acknowledgement, completion. No bytes on a
/// wire, no ICRC, no socket.
/// </summary>
[MemoryDiagnoser]
public class RequesterResponderBenchmarks : IDisposable
{
    private const int TurnsMax = 1000;
    private static readonly Gid RequesterAddress = Gid.FromIPv4(0x7F00_0002);
    private static readonly Gid ResponderAddress = Gid.FromIPv4(0x7F00_0003);

    private LoopHost _requester = null!;
    private LoopHost _responder = null!;
    private LoopSink _sink = null!;
    private long _nowNs;

    /// <summary>Bytes of a SEND, WRITE or READ.</summary>
    [Params(8, 4096, 65_536)]
    public int Bytes { get; set; }

    /// <summary>Runs of whole messages, as between guests of one host, or packets of the path MTU.</summary>
    [Params(false, true)]
    public bool IsLocal { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _requester = new LoopHost(RequesterAddress, IsLocal);
        _responder = new LoopHost(ResponderAddress, IsLocal);
        _sink = new LoopSink();
        _requester.Connect(ResponderAddress, 1024);
        _responder.Connect(RequesterAddress, 1024);
        _requester.Memory[..Bytes].Fill(0xA5);
        Write();
        if (_responder.Memory[..Bytes].IndexOfAnyExcept((byte)0xA5) >= 0)
        {
            throw new InvalidOperationException("the bytes did not arrive");
        }
    }

    [Benchmark]
    public long Write() => Run(WorkOpcode.Write, Bytes);

    [Benchmark]
    public long Send() => Run(WorkOpcode.Send, Bytes);

    [Benchmark]
    public long Read() => Run(WorkOpcode.Read, Bytes);

    [Benchmark]
    public long FetchAdd() => Run(WorkOpcode.FetchAdd, sizeof(ulong));

    [GlobalCleanup]
    public void Dispose()
    {
        _requester?.Dispose();
        _responder?.Dispose();
        _sink?.Dispose();
        GC.SuppressFinalize(this);
    }

    private long Run(WorkOpcode opcode, int bytes)
    {
        var request = new SendWorkRequest
        {
            Opcode = opcode,
            Flags = SendFlags.Signaled,
            SgeCount = 1,
            TotalBytes = (uint)bytes,
            CompareOrAdd = 1,
        };
        request.Sges[0] = new ScatterGatherEntry { Length = (uint)bytes, LocalKey = 1 };
        _requester.Post(request, _nowNs);
        long wanted = _requester.SendsCompleted + 1;
        for (int turn = 0; _requester.SendsCompleted < wanted; turn++)
        {
            _nowNs += 1000;
            Turn(_requester, _responder, RequesterAddress);
            Turn(_responder, _requester, ResponderAddress);
            if (turn == TurnsMax)
            {
                throw new InvalidOperationException($"{opcode} of {bytes} bytes does not complete");
            }
        }

        return wanted;
    }

    private void Turn(LoopHost from, LoopHost to, Gid source)
    {
        if (from.QueuePair.TransmitScheduled)
        {
            from.QueuePair.PollTransmit(_sink, 128, _nowNs);
            _sink.Deliver(to.QueuePair, source, _nowNs);
        }
    }
}
