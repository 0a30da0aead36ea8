using RoceEngine.PerfTool.Options;

namespace RoceEngine.PerfTool.Running;

/// <summary>
/// WRITE ping-pong: each side writes the number of its message into the last byte and spins on the last byte of its own
/// receive buffer, so no completion of the peer tells it that the message is there.
/// </summary>
internal sealed unsafe class WriteLatencyRun(PerfOptions options, Endpoint endpoint, MessagePoster poster, CompletionWaiter waiter, bool isClient)
    : LatencyRun(options, poster, waiter, isClient)
{
    /// <summary>
    /// Looks at the byte between two polls. Two guests of one host drive it in turn, one at a time: who only waits must not
    /// hold it most of the time, and the peer drives its own message to here.
    /// </summary>
    private const int LooksPerPoll = 200;

    private readonly int _looks = options.Pair == PairMode.Local ? LooksPerPoll : 0;
    private byte* _awaited;
    private byte* _written;

    public override void Prepare(int sizeBytes)
    {
        base.Prepare(sizeBytes);
        // In bounds: both buffers hold the largest size of the run, and guest memory does not move.
        _awaited = (byte*)endpoint.ReceiveAddress(0) + sizeBytes - 1;
        _written = (byte*)endpoint.SendAddress(0) + sizeBytes - 1;
        *_awaited = 0;
    }

    protected override bool Await(long number)
    {
        byte expected = (byte)number;
        LossWatch watch = new(Options);
        while (Volatile.Read(ref *_awaited) != expected)
        {
            TakeCompletions();
            watch.Check();
            for (int look = 0; look < _looks && Volatile.Read(ref *_awaited) != expected; look++)
            {
            }

            if (Waiter.PeerDone is not null && Options.IsDuration && Volatile.Read(ref *_awaited) != expected)
                return false;
        }

        return true;
    }

    protected override void BeforePost(long number) => *_written = (byte)number;
}
