using System.Net;
using RoceEngine.Embedded;
using RoceEngine.Links;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide.Engine;

/// <summary>
/// Two guests in this process, no daemon. Over UDP each has a host of its own, locally they share one. Hosts are driven by the threads that poll.
/// </summary>
internal sealed class GuestPair : IEnginePair
{
    private const int LocalLooksPerPoll = 200;

    /// <summary>Encoded ACK timeouts: half a second, and the usual 67 ms where packets are lost on purpose.</summary>
    private const byte PatientTimeout = 17;

    private const byte UsualTimeout = 14;

    private readonly EmbeddedHost[] _hosts;
    private readonly Guest _far;

    private GuestPair(EmbeddedHost[] hosts, int messageBytesMax, int number = 0, int queuePairs = 1, byte timeout = PatientTimeout)
    {
        _hosts = hosts;
        Near = new Guest(Open(hosts[0], LoopbackPlan.EngineNear(number), queuePairs), messageBytesMax);
        _far = new Guest(Open(hosts[^1], LoopbackPlan.EngineFar(number), queuePairs), messageBytesMax);
        Near.Connect(_far.Address, timeout);
        _far.Connect(Near.Address, timeout);
    }

    public Guest Near { get; }

    public GuestAddress Far => _far.Address;

    public int LooksPerPoll => _hosts.Length == 1 ? LocalLooksPerPoll : 1;

    public int SpinsBeforeYield => Patience.SystemCallSpins;

    /// <summary>Calls of the kernel that the links of both ends made so far to send and to receive.</summary>
    public long LinkCalls => _hosts.SelectMany(host => host.LinkStatistics).Sum(CallsOf);

    /// <summary>Those of <see cref="LinkCalls"/> that sent or brought something.</summary>
    public long LinkCallsOfUse => _hosts.SelectMany(host => host.LinkStatistics).Sum(statistics => CallsOf(statistics) - statistics.ReceiveCallsInVain);

    /// <summary>Two hosts that reach each other by RoCEv2 over loopback.</summary>
    public static GuestPair OverUdp(int messageBytesMax, int number = 0) => OverLossyUdp(messageBytesMax, lossRate: 0, number);

    /// <summary>As <see cref="OverUdp"/>, each host losing a share of what it receives; pairs of different numbers can be there together.</summary>
    public static GuestPair OverLossyUdp(int messageBytesMax, double lossRate, int number)
    {
        var options = new EmbeddedHostOptions { Drive = DriveMode.Inline, LossRate = lossRate };
        return new GuestPair([EmbeddedHost.Create(options), EmbeddedHost.Create(options)], messageBytesMax, number, timeout: lossRate > 0 ? UsualTimeout : PatientTimeout);
    }

    /// <summary>As <see cref="OverUdp"/>, with guest memory for so many QPs.</summary>
    public static GuestPair ManyOverUdp(int messageBytesMax, int queuePairs, int number)
    {
        var options = new EmbeddedHostOptions { Drive = DriveMode.Inline };
        return new GuestPair([EmbeddedHost.Create(options), EmbeddedHost.Create(options)], messageBytesMax, number, queuePairs);
    }

    /// <summary>One host, guest memory to guest memory.</summary>
    public static GuestPair Local(int messageBytesMax, int number = 0) =>
        new([EmbeddedHost.Create(new EmbeddedHostOptions { Drive = DriveMode.Inline })], messageBytesMax, number);

    /// <summary>Makes and connects so many QPs more that nobody uses.</summary>
    public void AddIdle(int count)
    {
        for (int i = 0; i < count; i++)
            Near.AddIdle(_far);
    }

    public IFarEnd Begin(FarTask task, int messageBytes, byte seen = 0) => new FarThread(this, task, messageBytes, seen);

    public void Dispose()
    {
        Near.Dispose();
        _far.Dispose();
        foreach (EmbeddedHost host in _hosts)
            host.Dispose();
    }

    private static RdmaContext Open(EmbeddedHost host, IPAddress address, int queuePairs) => EmbeddedRdma.Open(
        new EmbeddedOptions { Address = address, MemoryBytes = Guest.MemoryBytes + (queuePairs * Guest.MemoryBytesPerQueuePair), Host = host });

    private static long CallsOf(UdpLinkStatistics statistics) => statistics.SendCalls + statistics.ReceiveCalls;

    /// <summary>The far guest at work on a thread.</summary>
    private sealed class FarThread : IFarEnd
    {
        private readonly Partner _partner;
        private long _allocatedBytes;

        public FarThread(GuestPair pair, FarTask task, int messageBytes, byte seen)
        {
            var loops = new FarLoops(pair._far, pair.Near.Address, pair.LooksPerPoll, pair.SpinsBeforeYield, drives: true);
            _partner = new Partner("far guest", me =>
            {
                Func<bool> isStopping = () => me.IsStopping;
                long before = GC.GetAllocatedBytesForCurrentThread();
                loops.Run(task, messageBytes, seen, isStopping);
                _allocatedBytes = GC.GetAllocatedBytesForCurrentThread() - before;
            });
        }

        public bool HasEnded => _partner.HasEnded;

        public long AllocatedBytes => _allocatedBytes;

        public void Dispose() => _partner.Dispose();
    }
}
