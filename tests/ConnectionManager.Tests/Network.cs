using System.Net;
using RoceEngine.ConnectionManager.Messages;
using RoceEngine.ConnectionManager.Protocol;

namespace ConnectionManager.Tests;

/// <summary>Managers and the network between them, on virtual time, drawn from a seed.</summary>
internal sealed class Network(int seed, double loss = 0, double duplication = 0, long delayMaxNs = 1_000_000)
{
    private readonly Random _random = new(seed);
    private readonly PriorityQueue<(Node To, IPAddress From, byte[] Datagram), long> _underWay = new();
    private readonly List<Node> _nodes = [];

    /// <summary>The time, in nanoseconds.</summary>
    public long NowNs { get; private set; }

    public Random Random => _random;

    /// <summary>What passes: false drops it.</summary>
    public Func<CmAttribute, bool> Passes { get; set; } = _ => true;

    public Node Add(string address)
    {
        var core = new ConnectionCore(new ConnectionOptions { Random = () => (uint)_random.NextInt64(1L << 32), NodeGuid = (ulong)_nodes.Count + 1 });
        Node node = new(core, IPAddress.Parse(address));
        _nodes.Add(node);
        return node;
    }

    /// <summary>Runs until nothing is due any more, or the time is over.</summary>
    public void Run(long durationNs, Action<Node, CmEvent>? onEvent = null)
    {
        long end = NowNs + durationNs;
        while (true)
        {
            foreach (Node node in _nodes)
                Collect(node, onEvent);
            long next = Math.Min(_underWay.TryPeek(out _, out long arrival) ? arrival : long.MaxValue, _nodes.Min(node => node.Core.NextDeadlineNs));
            if (next > end)
                break;
            NowNs = Math.Max(NowNs, next);
            while (_underWay.TryPeek(out (Node To, IPAddress From, byte[] Datagram) first, out long when) && when <= NowNs)
            {
                _ = _underWay.Dequeue();
                first.To.Core.HandleDatagram(first.Datagram, first.From, NowNs);
            }

            foreach (Node node in _nodes)
                node.Core.HandleTimeouts(NowNs);
        }

        NowNs = end;
    }

    public void Inject(Node to, IPAddress from, byte[] datagram) => to.Core.HandleDatagram(datagram, from, NowNs);

    private void Collect(Node node, Action<Node, CmEvent>? onEvent)
    {
        bool any;
        do
        {
            any = false;
            while (node.Core.TryTakeEvent(out CmEvent? happened))
            {
                any = true;
                node.Events.Add(happened);
                onEvent?.Invoke(node, happened);
            }

            while (node.Core.TryTakeSend(out IPAddress? destination, out byte[]? datagram))
                Send(node, destination, datagram);
        }
        while (any);
    }

    private void Send(Node from, IPAddress destination, byte[] datagram)
    {
        Assert.True(ManagementDatagram.TryRead(datagram, out CmAttribute attribute, out _));
        from.Sent.Add(attribute);
        if (_nodes.Find(node => node.Address.Equals(destination)) is not { } to || !Passes(attribute))
            return;
        int copies = _random.NextDouble() < duplication ? 2 : 1;
        for (int i = 0; i < copies; i++)
        {
            if (_random.NextDouble() >= loss)
                _underWay.Enqueue((to, from.Address, datagram), NowNs + 1 + _random.NextInt64(delayMaxNs));
        }
    }

    internal sealed record Node(ConnectionCore Core, IPAddress Address)
    {
        public List<CmEvent> Events { get; } = [];

        public List<CmAttribute> Sent { get; } = [];

        public IEnumerable<CmEventKind> Kinds => Events.Select(happened => happened.Kind);
    }
}
