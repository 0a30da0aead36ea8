using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>
/// A network in memory with virtual time, for tests of whole hosts within one thread. Packets travel as the bytes of UDP payloads, with
/// ICRC, through the codec. What happens depends on the seed, the options, and the order of calls, on nothing else.
/// </summary>
public sealed class SimulatedNetwork
{
    /// <summary>The ECN field of a traffic class: 0 for senders that are not ECN-capable, all ones for Congestion Experienced.</summary>
    private const byte EcnMask = 3;

    private readonly Dictionary<Gid, SimulatedLink> _links = [];
    private readonly Dictionary<(Gid From, Gid To), long> _lastArrivalNs = [];
    private readonly Dictionary<Gid, SimulatedPort> _ports = [];
    private readonly Dictionary<Gid, List<SimulatedLink>> _groups = [];
    private readonly SimulatedPartitions _partitions = new();
    private readonly PriorityQueue<SimulatedDatagram, (long ArrivalNs, long Order)> _underWay = new();
    private readonly Stack<SimulatedDatagram> _spares = new();
    private DeterministicRandom _random;
    private long _order;

    /// <summary>A network at time 0 without links.</summary>
    /// <param name="seed">Decides every loss, delay and corruption.</param>
    /// <param name="options">What may happen; null is a network without faults and 5 µs of delay.</param>
    public SimulatedNetwork(ulong seed, SimulatedNetworkOptions? options = null)
    {
        Seed = seed;
        Options = options ?? new SimulatedNetworkOptions();
        _random = new DeterministicRandom(seed);
    }

    /// <summary>The seed, for the message of a failing test.</summary>
    public ulong Seed { get; }

    /// <summary>May be replaced at any time, during a run too; datagrams under way keep their fate.</summary>
    public SimulatedNetworkOptions Options { get; set; }

    /// <summary>Virtual time.</summary>
    public long NowNs { get; private set; }

    /// <summary>When the next datagram arrives; <see cref="long.MaxValue"/> when none is under way.</summary>
    public long NextDeliveryNs => _underWay.TryPeek(out _, out var key) ? key.ArrivalNs : long.MaxValue;

    /// <summary>Datagrams under way.</summary>
    public int UnderWay => _underWay.Count;

    /// <summary>What happened so far.</summary>
    public SimulatedNetworkStatistics Statistics { get; } = new();

    /// <summary>Sees every datagram as it is sent, before the network does anything to it, in virtual time.</summary>
    public IPacketTap? Tap { get; set; }

    /// <summary>The link of an address.</summary>
    /// <exception cref="InvalidOperationException">The address has one already.</exception>
    public SimulatedLink CreateLink(Gid address)
    {
        var link = new SimulatedLink(this, address);
        if (!_links.TryAdd(address, link))
            throw new InvalidOperationException($"{address} has a link already");
        return link;
    }

    /// <summary>Cuts or heals the way between two addresses, both directions. Datagrams under way still arrive.</summary>
    public void SetPartition(Gid left, Gid right, bool isCut)
    {
        SetOneWayPartition(left, right, isCut);
        SetOneWayPartition(right, left, isCut);
    }

    /// <summary>Cuts or heals the way from one address to another.</summary>
    public void SetOneWayPartition(Gid from, Gid to, bool isCut) => _partitions.CutWay(from, to, isCut ? long.MaxValue : 0);

    /// <summary>Cuts the way between two addresses, both directions; it heals by itself at <paramref name="healsAtNs"/>.</summary>
    public void PartitionUntil(Gid left, Gid right, long healsAtNs)
    {
        _partitions.CutWay(left, right, healsAtNs);
        _partitions.CutWay(right, left, healsAtNs);
    }

    /// <summary>Cuts an address off from everybody; that heals by itself at <paramref name="healsAtNs"/>.</summary>
    public void CutOffUntil(Gid address, long healsAtNs) => _partitions.CutAddress(address, healsAtNs);

    /// <summary>Heals everything that is cut.</summary>
    public void HealPartitions() => _partitions.HealAll();

    /// <summary>
    /// Lets virtual time pass, never backwards: what has arrived by <paramref name="nowNs"/> waits in the links for
    /// <see cref="SimulatedLink.Receive"/>. Returns how many datagrams arrived.
    /// </summary>
    public int Advance(long nowNs)
    {
        NowNs = Math.Max(NowNs, nowNs);
        int arrived = 0;
        while (_underWay.TryPeek(out SimulatedDatagram? datagram, out var key) && key.ArrivalNs <= NowNs)
        {
            _underWay.Dequeue();
            if (_links.TryGetValue(datagram.Receiver, out SimulatedLink? link))
            {
                link.Arrive(datagram);
                arrived++;
            }
            else
            {
                Statistics.Unreachable++;
                Recycle(datagram);
            }
        }
        return arrived;
    }

    internal void Remove(SimulatedLink link)
    {
        // Its address may be another link's by now, when a device moved.
        if (_links.GetValueOrDefault(link.Address) == link)
            _links.Remove(link.Address);
        foreach (List<SimulatedLink> members in _groups.Values)
            members.Remove(link);
    }

    internal bool Join(SimulatedLink link, Gid group)
    {
        if (!_groups.TryGetValue(group, out List<SimulatedLink>? members))
            _groups.Add(group, members = []);
        if (members.Contains(link))
            return false;
        members.Add(link);
        return true;
    }

    internal void Leave(SimulatedLink link, Gid group)
    {
        if (_groups.TryGetValue(group, out List<SimulatedLink>? members))
            members.Remove(link);
    }

    internal SimulatedDatagram TakeSpare() => _spares.TryPop(out SimulatedDatagram? spare) ? spare : new SimulatedDatagram();

    internal void Recycle(SimulatedDatagram datagram) => _spares.Push(datagram);

    /// <summary>To its destination, or a copy to each member of a group but the sender, each with a fate of its own.</summary>
    internal void Send(SimulatedDatagram datagram)
    {
        if (!datagram.Destination.IsMulticast)
        {
            datagram.Receiver = datagram.Destination;
            Decide(datagram);
            return;
        }

        if (_groups.TryGetValue(datagram.Destination, out List<SimulatedLink>? members))
        {
            foreach (SimulatedLink member in members)
            {
                if (member.Address == datagram.Source)
                    continue;
                SimulatedDatagram copy = CopyOf(datagram);
                copy.Receiver = member.Address;
                Decide(copy);
            }
        }
        Recycle(datagram);
    }

    /// <summary>Decides a datagram's fate. Each fault draws from the sequence in a fixed order, so that switching one off moves no other's dice.</summary>
    private void Decide(SimulatedDatagram datagram)
    {
        Statistics.Sent++;
        bool lost = _random.Chance(Options.LossRate);
        bool duplicated = _random.Chance(Options.DuplicateRate);
        bool reordered = _random.Chance(Options.ReorderRate);
        bool corrupted = _random.Chance(Options.CorruptRate);
        bool truncated = _random.Chance(Options.TruncateRate);
        bool marked = _random.Chance(Options.MarkRate);
        bool spiked = _random.Chance(Options.SpikeRate);
        long delayNs = Options.DelayMinNs + _random.Next(Options.DelayMaxNs - Options.DelayMinNs + 1);
        long heldNs = 1 + _random.Next(Options.ReorderDelayNs);
        long copyHeldNs = 1 + _random.Next(Options.ReorderDelayNs);
        long spikeNs = 1 + _random.Next(Options.SpikeDelayNs);
        ulong where = _random.NextUInt64();

        if (datagram.Bytes > Options.DatagramBytesMax)
        {
            Statistics.TooLong++;
            Recycle(datagram);
            return;
        }
        if (_partitions.IsCut(datagram.Source, datagram.Receiver, NowNs))
        {
            Statistics.Partitioned++;
            Recycle(datagram);
            return;
        }
        if (!TryPassPort(datagram, out long leavesAtNs, ref marked))
        {
            Statistics.QueueDrops++;
            Recycle(datagram);
            return;
        }

        Statistics.Spikes += spiked ? 1 : 0;
        long arrivalNs = ArrivalInOrder(datagram, leavesAtNs + delayNs + (spiked ? spikeNs : 0));
        if (duplicated)
        {
            Statistics.Duplicated++;
            Enqueue(CopyOf(datagram), arrivalNs + copyHeldNs);
        }
        if (lost)
        {
            Statistics.Lost++;
            Recycle(datagram);
            return;
        }

        Damage(datagram, corrupted, truncated, marked, where);
        Statistics.Reordered += reordered ? 1 : 0;
        Enqueue(datagram, reordered ? arrivalNs + heldNs : arrivalNs);
    }

    /// <summary>The queue at the receiver's port: marks what finds it long, drops what finds it full.</summary>
    private bool TryPassPort(SimulatedDatagram datagram, out long leavesAtNs, ref bool marked)
    {
        leavesAtNs = NowNs;
        if (Options.PortBytesPerSecond == 0)
            return true;
        if (!_ports.TryGetValue(datagram.Receiver, out SimulatedPort? port))
            _ports.Add(datagram.Receiver, port = new SimulatedPort());
        long waitingBytes = port.WaitingBytes(NowNs, Options.PortBytesPerSecond);
        if (waitingBytes > Options.QueueBytesMax)
            return false;
        marked |= waitingBytes > Options.MarkQueueBytes;
        leavesAtNs = port.Append(datagram.Bytes, NowNs, Options.PortBytesPerSecond);
        return true;
    }

    private void Damage(SimulatedDatagram datagram, bool corrupted, bool truncated, bool marked, ulong where)
    {
        if (corrupted)
        {
            Statistics.Corrupted++;
            int bit = (int)(where % (ulong)(datagram.Bytes * 8));
            datagram.Buffer[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        if (truncated)
        {
            Statistics.Truncated++;
            datagram.Bytes = (int)((where >> 32) % (ulong)datagram.Bytes);
        }
        if (marked && (datagram.Tos & EcnMask) != 0)
        {
            Statistics.Marked++;
            datagram.Tos |= EcnMask;
        }
    }

    /// <summary>Jitter delays, it does not reorder: nothing arrives before what left earlier on the same way.</summary>
    private long ArrivalInOrder(SimulatedDatagram datagram, long arrivalNs)
    {
        var way = (datagram.Source, datagram.Receiver);
        arrivalNs = Math.Max(arrivalNs, _lastArrivalNs.GetValueOrDefault(way));
        _lastArrivalNs[way] = arrivalNs;
        return arrivalNs;
    }

    private void Enqueue(SimulatedDatagram datagram, long arrivalNs) => _underWay.Enqueue(datagram, (arrivalNs, _order++));

    private SimulatedDatagram CopyOf(SimulatedDatagram datagram)
    {
        SimulatedDatagram copy = TakeSpare();
        copy.Source = datagram.Source;
        copy.Destination = datagram.Destination;
        copy.Receiver = datagram.Receiver;
        copy.Tos = datagram.Tos;
        copy.HopLimit = datagram.HopLimit;
        copy.Bytes = datagram.Bytes;
        datagram.Buffer.AsSpan(0, datagram.Bytes).CopyTo(copy.Buffer);
        return copy;
    }
}
