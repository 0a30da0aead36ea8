using System.Net;
using RoceEngine.PerfTool.Exchange;
using RoceEngine.PerfTool.Options;
using RoceEngine.Verbs;

namespace RoceEngine.PerfTool.Running;

/// <summary>One side's verbs objects: a CQ for everything, the queue pairs, and for each a buffer to send from and one to receive into.</summary>
internal sealed class Endpoint : IDisposable
{
    /// <summary>A buffer is never smaller: small messages cycle through it.</summary>
    public const int MinimumBufferBytes = 4096;

    /// <summary>perftest's queue key of datagrams.</summary>
    public const uint QueueKey = 0x1111_1111;

    /// <summary>Send queue slots of a latency test: completions may lag behind the answer.</summary>
    public const int LatencyDepth = 16;

    private readonly GuestMemory _memory;
    private readonly ProtectionDomain _domain;
    private readonly List<MemoryRegion> _regions = [];
    private readonly uint[] _psns;

    /// <summary>Allocates, registers and creates everything; the queue pairs are in INIT.</summary>
    /// <param name="context">The device; the endpoint does not own it.</param>
    /// <param name="options">The run.</param>
    /// <exception cref="VerbsException">The device refused something.</exception>
    public Endpoint(RdmaContext context, PerfOptions options)
    {
        Context = context;
        BufferBytes = BufferBytesFor(options);
        DeviceAttributes device = context.QueryDevice();
        OutstandingReads = options.OutstandingReads == 0
            ? Math.Min(Math.Min(device.MaxRdAtomic, device.MaxDestinationRdAtomic), byte.MaxValue)
            : options.OutstandingReads;
        MtuBytes = context.QueryPort().ActiveMtuBytes;
        int sendDepth = SendDepth(options);
        RequireWithinLimits(options, device, sendDepth);
        if (options.MtuBytes != 0)
            MtuBytes = options.MtuBytes;

        _domain = context.AllocateProtectionDomain();
        _memory = context.AllocateMemory(2 * BufferBytes * options.QueuePairs);
        Channel = options.UseEvents ? context.CreateCompletionChannel() : null;
        Completions = context.CreateCompletionQueue((sendDepth + options.ReceiveDepth) * options.QueuePairs, Channel);
        SharedReceives = options.UseSharedReceiveQueue
            ? _domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = options.ReceiveDepth })
            : null;
        Pairs = new QueuePair[options.QueuePairs];
        _psns = new uint[options.QueuePairs];
        int inlineBytes = options.Test.IsResponse ? 0 : options.InlineBytes ?? DefaultInlineBytes(options);
        for (int index = 0; index < Pairs.Length; index++)
        {
            Pairs[index] = _domain.CreateQueuePair(new QueuePairOptions
            {
                SendCompletionQueue = Completions,
                ReceiveCompletionQueue = Completions,
                SendDepth = sendDepth,
                ReceiveDepth = options.ReceiveDepth,
                InlineBytes = Math.Min(inlineBytes, device.MaxInlineBytes),
                Type = options.Connection switch
                {
                    PerfConnection.RC => QueuePairType.Rc,
                    PerfConnection.UC => QueuePairType.Uc,
                    _ => QueuePairType.Ud,
                },
                SharedReceiveQueue = SharedReceives,
            });
            Pairs[index].ToInit(queueKey: QueueKey);
            _psns[index] = QueuePairAddress.RandomPsn();
        }

        InlineBytes = Math.Min(inlineBytes, Pairs[0].InlineBytes);
        RegisterMemory(options.RegionPerQueuePair);
    }

    public RdmaContext Context { get; }

    public CompletionChannel? Channel { get; }

    /// <summary>Where sends and receives of all queue pairs complete.</summary>
    public CompletionQueue Completions { get; }

    public QueuePair[] Pairs { get; }

    /// <summary>Where all queue pairs take their receives from, if they share them.</summary>
    public SharedReceiveQueue? SharedReceives { get; }

    /// <summary>UD: the way to the other side; set by <see cref="Connect"/>.</summary>
    public AddressHandle? Destination { get; private set; }

    /// <summary>Path MTU in bytes: this side's until <see cref="Connect"/>, then the smaller of both.</summary>
    public int MtuBytes { get; private set; }

    /// <summary>READs and atomics outstanding: this side's until <see cref="Connect"/>, then the smaller of both.</summary>
    public int OutstandingReads { get; private set; }

    /// <summary>Messages up to this many bytes go inline.</summary>
    public int InlineBytes { get; }

    /// <summary>Bytes of a queue pair's send buffer, and of its receive buffer.</summary>
    public long BufferBytes { get; }

    /// <summary>Guest RAM that a run needs: buffers, rings and room to spare.</summary>
    public static long MemoryBytesFor(PerfOptions options)
    {
        const long sendEntryBytes = 512;
        const long receiveEntryBytes = 128;
        const long completionEntryBytes = 64;
        const long slackBytes = 16 << 20;
        long sendDepth = RoundUpToPowerOfTwo(SendDepth(options));
        long receiveDepth = RoundUpToPowerOfTwo(options.ReceiveDepth);
        long ringBytes = (sendDepth * (sendEntryBytes + completionEntryBytes)) + (receiveDepth * (receiveEntryBytes + completionEntryBytes)) + (64 << 10);
        return ((2 * BufferBytesFor(options)) + (2 * ringBytes)) * options.QueuePairs + slackBytes;
    }

    /// <summary>What the other side must know to connect.</summary>
    public PeerMessage Describe()
    {
        PeerQueuePair[] pairs = new PeerQueuePair[Pairs.Length];
        for (int index = 0; index < pairs.Length; index++)
            pairs[index] = new PeerQueuePair(Pairs[index].Number, _psns[index], RegionOf(index).RemoteKey, ReceiveAddress(index));
        return new PeerMessage
        {
            Kind = PeerMessageKind.Endpoints,
            DeviceAddress = Context.Address.ToString(),
            MtuBytes = MtuBytes,
            OutstandingReads = OutstandingReads,
            QueuePairs = pairs,
        };
    }

    /// <summary>Moves all queue pairs to RTS towards the other side's.</summary>
    /// <exception cref="PeerException">The other side's description makes no sense.</exception>
    public void Connect(PeerMessage peer, PerfOptions options)
    {
        if (peer.QueuePairs is null || peer.QueuePairs.Length != Pairs.Length || !IPAddress.TryParse(peer.DeviceAddress, out IPAddress? address))
            throw new PeerException("the other side sent no usable queue pairs");
        if (address.AddressFamily != Context.Address.AddressFamily)
            throw new PeerException($"the devices have addresses of two families: {Context.Address} here, {address} there");

        MtuBytes = Math.Min(MtuBytes, peer.MtuBytes);
        OutstandingReads = Math.Max(1, Math.Min(OutstandingReads, peer.OutstandingReads));
        if (options.IsDatagram)
            Destination = _domain.CreateAddressHandle(new AddressHandleAttributes { DestinationAddress = address, TrafficClass = (byte)options.TrafficClass });
        for (int index = 0; index < Pairs.Length; index++)
        {
            if (options.IsDatagram)
                Pairs[index].ToReadyToReceive();
            else
                Pairs[index].ToReadyToReceive(
                    new QueuePairAddress(address, peer.QueuePairs[index].Number, peer.QueuePairs[index].Psn),
                    MtuBytes,
                    (byte)OutstandingReads,
                    trafficClass: (byte)options.TrafficClass);
            Pairs[index].ToReadyToSend(_psns[index], (byte)options.Timeout, (byte)options.RetryCount, maxRdAtomic: (byte)OutstandingReads);
        }
    }

    /// <summary>Guest virtual address of a queue pair's send buffer.</summary>
    public ulong SendAddress(int pair) => _memory.Address + (ulong)(2 * BufferBytes * pair);

    /// <summary>Guest virtual address of a queue pair's receive buffer: what the peer writes, reads or changes.</summary>
    public ulong ReceiveAddress(int pair) => SendAddress(pair) + (ulong)BufferBytes;

    public Span<byte> SendBuffer(int pair, int bytes) => _memory.AsSpan(2 * BufferBytes * pair, bytes);

    public Span<byte> ReceiveBuffer(int pair, int bytes) => _memory.AsSpan((2 * BufferBytes * pair) + BufferBytes, bytes);

    public MemoryRegion RegionOf(int pair) => _regions[_regions.Count == 1 ? 0 : pair];

    /// <summary>First PSN of a queue pair.</summary>
    public uint PsnOf(int pair) => _psns[pair];

    public void Dispose()
    {
        // Outstanding requests vanish with their QP; the device may be gone already, and then nothing is left to free.
        try
        {
            foreach (QueuePair? pair in Pairs)
                pair?.Dispose();
            SharedReceives?.Dispose();
            Destination?.Dispose();
            Completions.Dispose();
            Channel?.Dispose();
            foreach (MemoryRegion region in _regions)
                region.Dispose();
            _memory.Dispose();
            _domain.Dispose();
        }
        catch (DeviceLostException)
        {
        }
    }

    /// <summary>Names the flag that asks for more than the device has, before the device refuses in its own words.</summary>
    private void RequireWithinLimits(PerfOptions options, DeviceAttributes device, int sendDepth)
    {
        Require("-o/--outs", options.Test.IsResponse ? OutstandingReads : 0, device.MaxRdAtomic);
        Require("-m/--mtu", options.MtuBytes, MtuBytes);
        Require("-q/--qp", options.QueuePairs, device.MaxQueuePairs);
        Require("-t/--tx-depth", sendDepth, device.MaxWorkRequests);
        Require("-r/--rx-depth", options.ReceiveDepth, options.UseSharedReceiveQueue ? device.MaxSharedReceiveRequests : device.MaxWorkRequests);
        Require("-q/--qp times the depth of its queues,", (long)(sendDepth + options.ReceiveDepth) * options.QueuePairs, device.MaxCompletionEntries);

        static void Require(string flag, long asked, long maximum)
        {
            if (asked > maximum)
                throw new UsageException($"{flag} {asked} is above the device's maximum of {maximum}");
        }
    }

    private void RegisterMemory(bool perQueuePair)
    {
        const AccessFlags access = AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic;
        if (!perQueuePair)
        {
            _regions.Add(_domain.RegisterMemory(_memory, access));
            return;
        }

        for (int index = 0; index < Pairs.Length; index++)
            _regions.Add(_domain.RegisterMemory(_memory, 2 * BufferBytes * index, 2 * BufferBytes, access));
    }

    /// <summary>perftest's choice for a latency test of a device that can send inline; none for bandwidth.</summary>
    private static int DefaultInlineBytes(PerfOptions options) => (options.Test.IsLatency, options.Test.Verb) switch
    {
        (true, PerfVerb.Send) when options.IsDatagram => 188,
        (true, PerfVerb.Write) => 220,
        (true, PerfVerb.Send) => 236,
        _ => 0,
    };

    private static int SendDepth(PerfOptions options) => options.Test.IsLatency ? LatencyDepth : options.SendDepth;

    private static long BufferBytesFor(PerfOptions options) =>
        (Math.Max(options.SizeBytes, MinimumBufferBytes) + (options.IsDatagram ? AddressHandle.GlobalRouteHeaderBytes : 0L) + (long)MinimumBufferBytes - 1) / MinimumBufferBytes * MinimumBufferBytes;

    private static long RoundUpToPowerOfTwo(long value) => (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)value);
}
