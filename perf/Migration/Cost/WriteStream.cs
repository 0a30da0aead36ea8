using System.Diagnostics;
using System.Net;
using RoceEngine.Embedded;
using RoceEngine.Verbs;

namespace RoceEngine.MigrationBenchmark.Cost;

/// <summary>
/// RC WRITEs with immediate of 64 bytes from one device to another of the same host, all on the calling thread: the operation that costs least, with a
/// completion at both ends, so that what is added to it shows most.
/// </summary>
public sealed class WriteStream
{
    private const int MessageBytes = 64;
    private const int Depth = 64;
    private const int ReceiveDepth = 2 * Depth;

    private readonly QueuePair _near;
    private readonly QueuePair _far;
    private readonly CompletionQueue _sent;
    private readonly CompletionQueue _arrived;
    private readonly MemoryRegion _from;
    private readonly MemoryRegion _to;
    private readonly WorkCompletion[] _polled = new WorkCompletion[64];
    private int _underWay;

    private WriteStream(IPAddress near, IPAddress far)
    {
        EmbeddedHost host = EmbeddedHost.Create(new EmbeddedHostOptions { Drive = DriveMode.Inline });
        (_near, _sent, _from) = OpenEnd(host, near);
        (_far, _arrived, _to) = OpenEnd(host, far);
        var nearAddress = new QueuePairAddress(near, _near.Number, QueuePairAddress.RandomPsn());
        var farAddress = new QueuePairAddress(far, _far.Number, QueuePairAddress.RandomPsn());
        _near.ToReadyToReceive(farAddress);
        _far.ToReadyToReceive(nearAddress);
        _near.ToReadyToSend(nearAddress.Psn);
        _far.ToReadyToSend(farAddress.Psn);
        for (int i = 0; i < ReceiveDepth; i++)
            _far.PostReceive(0, []);
    }

    /// <summary>Opens a stream between two addresses that are free. What is returned runs it for some seconds and gives ns per WRITE.</summary>
    public static Func<double, double> Open(string near, string far) => new WriteStream(IPAddress.Parse(near), IPAddress.Parse(far)).Measure;

    private static (QueuePair Pair, CompletionQueue Completions, MemoryRegion Region) OpenEnd(EmbeddedHost host, IPAddress address)
    {
        RdmaContext context = EmbeddedRdma.Open(new EmbeddedOptions { Address = address, Host = host });
        ProtectionDomain domain = context.AllocateProtectionDomain();
        CompletionQueue completions = context.CreateCompletionQueue(Depth + ReceiveDepth);
        MemoryRegion region = domain.RegisterMemory(context.AllocateMemory(MessageBytes), AccessFlags.LocalWrite | AccessFlags.RemoteWrite);
        QueuePair pair = domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = completions, ReceiveCompletionQueue = completions, SendDepth = Depth, ReceiveDepth = ReceiveDepth,
        });
        pair.ToInit(AccessFlags.RemoteWrite);
        return (pair, completions, region);
    }

    private double Measure(double seconds)
    {
        long ticks = (long)(seconds * Stopwatch.Frequency);
        long begin = Stopwatch.GetTimestamp();
        long operations = 0;
        long now;
        do
        {
            _near.BeginPost();
            for (; _underWay < Depth; _underWay++)
                Post();
            _near.EndPost();
            int done = Poll(_sent);
            _underWay -= done;
            operations += done;
            _far.BeginPost();
            for (int arrived = Poll(_arrived); arrived > 0; arrived--)
                _far.PostReceive(0, []);
            _far.EndPost();
            now = Stopwatch.GetTimestamp();
        }
        while (now - begin < ticks);
        return (now - begin) * 1e9 / Stopwatch.Frequency / operations;
    }

    private void Post()
    {
        var entry = new ScatterGatherEntry(_from.Address, MessageBytes, _from.LocalKey);
        var request = new SendRequest
        {
            Opcode = SendOpcode.WriteWithImmediate, Flags = SendFlags.Signaled, RemoteKey = _to.RemoteKey, RemoteAddress = _to.Address,
        };
        _near.PostSend(request, new ReadOnlySpan<ScatterGatherEntry>(in entry));
    }

    private int Poll(CompletionQueue completions)
    {
        int count = completions.Poll(_polled);
        for (int i = 0; i < count; i++)
        {
            if (_polled[i].Status != CompletionStatus.Success)
                throw new IOException($"a request failed: {_polled[i].Status.Explain()}");
        }
        return count;
    }
}
