using RoceEngine.PerfTool.Options;

namespace RoceEngine.PerfTool.Running;

/// <summary>
/// WRITE ping-pong: each side writes the number of its message into the last byte and spins on the last byte of its own
/// receive buffer, so no completion of the peer tells it that the message is there.
/// </summary>
internal sealed unsafe class WriteLatencyRun(PerfOptions options, Endpoint endpoint, MessagePoster poster, CompletionWaiter waiter, bool isClient)
    : LatencyRun(options, poster, waiter, isClient)
{
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
        while (Volatile.Read(ref *_awaited) != expected)
        {
            TakeCompletions();
            if (Waiter.PeerDone is not null && Options.IsDuration && Volatile.Read(ref *_awaited) != expected)
                return false;
        }

        return true;
    }

    protected override void BeforePost(long number) => *_written = (byte)number;
}
