using RoceEngine.Rsockets;

namespace Rsockets.Tests;

/// <summary>
/// Two ends and an RC connection between them, which delivers in order, once, and completes later, all drawn from a seed. Memory is checked as a device
/// checks it: by key and range.
/// </summary>
internal sealed class StreamPair
{
    private readonly Random _random;

    public StreamPair(int seed, StreamOptions first, StreamOptions second)
    {
        _random = new Random(seed);
        A = new End(first, 0x1000_0000, 0x10);
        B = new End(second, 0x7F00_0000_0000, 0x20);
        A.Core.Connect(ConnectionData.Read(B.Core.LocalData.Write())!);
        B.Core.Connect(ConnectionData.Read(A.Core.LocalData.Write())!);
    }

    public End A { get; }

    public End B { get; }

    public Random Random => _random;

    /// <summary>Something happens somewhere; false when there is nothing that could.</summary>
    public bool Step()
    {
        Func<bool>[] steps = [() => Deliver(A, B), () => Deliver(B, A), A.Complete, B.Complete, A.Poll, B.Poll];
        int start = _random.Next(steps.Length);
        for (int i = 0; i < steps.Length; i++)
        {
            if (steps[(start + i) % steps.Length]())
                return true;
        }

        return false;
    }

    /// <summary>Until nothing happens any more by itself.</summary>
    public void Settle()
    {
        while (Step())
        {
        }
    }

    private static bool Deliver(End from, End to)
    {
        from.Collect();
        if (!from.UnderWay.TryPeek(out StreamPost post))
            return false;

        // RNR: the message waits for a request.
        if (post.Immediate is not null && to.Requests == 0)
            return false;
        _ = from.UnderWay.Dequeue();
        if (post.Length != 0)
            from.Sent.Span.Slice(post.Offset, post.Length).CopyTo(to.Find(post.RemoteAddress, post.RemoteKey, post.Length));
        if (post.Immediate is { } immediate)
        {
            to.Requests--;
            to.Arrived.Enqueue(immediate);
        }

        from.Acknowledged.Enqueue(post.Id);
        return true;
    }

    /// <summary>One end with its memory, queues and completions.</summary>
    internal sealed class End
    {
        private readonly byte[] _receive;
        private readonly byte[] _targets;
        private readonly RemoteBuffer _receiveName;
        private readonly RemoteBuffer _targetsName;

        public End(StreamOptions options, ulong address, uint key)
        {
            Options = options;
            _receive = new byte[options.ReceiveBytes];
            _targets = new byte[options.TargetMemoryBytes];
            Sent = new byte[options.SendMemoryBytes];
            _receiveName = new RemoteBuffer(address, key, (uint)_receive.Length);
            _targetsName = new RemoteBuffer(address + 0x80_0000, key + 1, (uint)_targets.Length);
            Core = new StreamCore(options, new StreamBuffers
            {
                Send = Sent, Receive = _receive, ReceiveName = _receiveName, Targets = _targets, TargetsName = _targetsName,
            });
            Requests = options.ReceiveDepth;
        }

        public StreamOptions Options { get; }

        public StreamCore Core { get; }

        public Memory<byte> Sent { get; }

        public byte[] Targets => _targets;

        public Queue<StreamPost> UnderWay { get; } = new();

        public Queue<uint> Arrived { get; } = new();

        public Queue<ulong> Acknowledged { get; } = new();

        public Dictionary<uint, (ulong Address, byte[] Memory)> Mapped { get; } = [];

        public int Requests { get; set; }

        public int UnfinishedMax { get; private set; }

        /// <summary>Posts what the core wants to be posted.</summary>
        public void Collect()
        {
            while (Core.TryTakePost(out StreamPost post))
                UnderWay.Enqueue(post);
            UnfinishedMax = Math.Max(UnfinishedMax, UnderWay.Count + Acknowledged.Count);
            Assert.True(UnderWay.Count + Acknowledged.Count <= Options.SendDepth, "more posted than the send queue holds");
        }

        public bool Complete()
        {
            if (!Acknowledged.TryDequeue(out ulong id))
                return false;
            Core.HandleSent(id);
            return true;
        }

        public bool Poll()
        {
            if (!Arrived.TryDequeue(out uint immediate))
                return false;
            Requests++;
            Core.HandleReceived(immediate);
            return true;
        }

        public Span<byte> Find(ulong address, uint key, int bytes)
        {
            (ulong start, byte[] memory) = key == _receiveName.Key ? (_receiveName.Address, _receive)
                : key == _targetsName.Key ? (_targetsName.Address, _targets)
                : Mapped[key];
            Assert.InRange(address, start, start + (ulong)memory.Length - (ulong)bytes);
            return memory.AsSpan((int)(address - start), bytes);
        }
    }
}
