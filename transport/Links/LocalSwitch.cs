using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>
/// Carries packets between devices of one worker: header fields and source memory go to the destination's state machines as they are,
/// without serialisation or ICRC. Packets wait in one queue, in order, until <see cref="Deliver"/>. Owned by one worker thread.
/// </summary>
public sealed unsafe class LocalSwitch : IPacketSink, IDisposable
{
    /// <summary>Packets (runs) that can wait.</summary>
    public const int QueuedPacketsMax = 1024;

    /// <summary>Memory segments of one packet at most: what a sender may use for a run.</summary>
    public const int SegmentsPerPacketMax = 1024;

    private const int SegmentRing = 16 * SegmentsPerPacketMax;

    private readonly Dictionary<Gid, Port> _ports = [];
    private readonly Dictionary<Gid, LocalGroup> _groups = [];
    private readonly Entry[] _entries = new Entry[QueuedPacketsMax];
    private MemorySegment* _segments = (MemorySegment*)NativeMemory.Alloc(SegmentRing, (nuint)sizeof(MemorySegment));
    private uint _head;
    private uint _tail;
    private uint _segmentHead;
    private uint _segmentTail;
    private LocalTapEncoder? _tapEncoder;
    private IPacketTap? _tap;

    private struct Entry
    {
        public Packet Packet;
        public Gid Source;
        public Port Port;
        public uint SegmentTail;
    }

    /// <summary>A destination. Routes keep it as their link state, so that a packet needs no lookup.</summary>
    private sealed class Port(LocalSwitch owner, Gid address, IPacketReceiver receiver)
    {
        public readonly LocalSwitch Owner = owner;
        public readonly Gid Address = address;
        public readonly IPacketReceiver Receiver = receiver;
        public bool IsAttached = true;
    }

    /// <summary>Packets and runs that were delivered.</summary>
    public long PacketsDelivered { get; private set; }

    /// <summary>Packets dropped since their destination had gone, or had more segments than fit. RC recovers.</summary>
    public long PacketsDropped { get; private set; }

    /// <summary>Packets that wait for <see cref="Deliver"/>.</summary>
    public int QueuedPackets => (int)(_tail - _head);

    /// <inheritdoc/>
    public bool HasRoom => _tail - _head < QueuedPacketsMax && SegmentRing - (_segmentTail - _segmentHead) >= 2 * SegmentsPerPacketMax;

    /// <summary>Sees all packets, encoded as they would have been on the wire, runs cut into packets. Null: nothing is encoded.</summary>
    public IPacketTap? Tap
    {
        get => _tap;
        set
        {
            _tap = value;
            if (value != null)
                _tapEncoder ??= new LocalTapEncoder();
        }
    }

    /// <summary>Makes <paramref name="receiver"/> the destination of packets for <paramref name="address"/>.</summary>
    /// <exception cref="InvalidOperationException">The address is taken.</exception>
    public void Attach(in Gid address, IPacketReceiver receiver)
    {
        if (!_ports.TryAdd(address, new Port(this, address, receiver)))
            throw new InvalidOperationException($"{address} is already attached");
    }

    /// <summary>Takes a destination away; packets that wait for it are dropped and counted. False when it was not attached.</summary>
    public bool Detach(in Gid address)
    {
        if (!_ports.Remove(address, out Port? port))
            return false;
        port.IsAttached = false;
        return true;
    }

    /// <summary>
    /// Makes <paramref name="receiver"/> a member of a multicast group: what devices of this worker send to the group comes to it.
    /// </summary>
    public void Join(in Gid group, IPacketReceiver receiver)
    {
        if (!_groups.TryGetValue(group, out LocalGroup? members))
        {
            _groups.Add(group, members = new LocalGroup());
            Attach(group, members);
        }
        members.Add(receiver);
    }

    /// <summary>Ends a membership; packets that wait for the group pass this member by.</summary>
    public void Leave(in Gid group, IPacketReceiver receiver)
    {
        if (_groups.TryGetValue(group, out LocalGroup? members) && members.Remove(receiver) && members.IsEmpty)
        {
            _groups.Remove(group);
            Detach(group);
        }
    }

    /// <summary>True when the address is a device of this worker: packets for it may go here.</summary>
    public bool IsAttached(in Gid address) => _ports.ContainsKey(address);

    /// <inheritdoc/>
    public void Emit(in Packet packet, Route route)
    {
        if (route.LinkState is not Port port || port.Owner != this || !port.IsAttached)
        {
            if (FindPort(route) is not { } found)
                return;
            port = found;
        }
        if (!HasRoom || packet.SegmentCount > SegmentsPerPacketMax)
        {
            PacketsDropped++;
            return;
        }

        // A packet to a group goes to the wire as well, and is seen there.
        if (_tap != null && !route.IsMulticast)
            _tapEncoder!.Show(_tap, packet, route);
        ref Entry entry = ref _entries[_tail % QueuedPacketsMax];
        entry.Packet = packet;
        entry.Packet.Segments = CopySegments(packet.Segments, packet.SegmentCount);
        entry.Packet.TrafficClass = route.TrafficClass;
        entry.Packet.HopLimit = route.HopLimit;
        entry.Source = route.Source;
        entry.Port = port;
        entry.SegmentTail = _segmentTail;
        _tail++;
    }

    /// <summary>
    /// Hands waiting packets to their destinations, those that are emitted meanwhile included, until none waits or
    /// <paramref name="packetsMax"/> were handled. Returns how many were.
    /// </summary>
    public int Deliver(int packetsMax)
    {
        int handled = 0;
        while (_head != _tail && handled < packetsMax)
        {
            ref Entry entry = ref _entries[_head % QueuedPacketsMax];
            if (entry.Port.IsAttached)
            {
                entry.Port.Receiver.OnPacket(entry.Packet, entry.Source, entry.Port.Address);
                PacketsDelivered++;
            }
            else
            {
                PacketsDropped++;
            }
            _segmentHead = entry.SegmentTail;
            _head++;
            handled++;
        }
        return handled;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tap = null;
        _tapEncoder?.Dispose();
        NativeMemory.Free(_segments);
        _segments = null;
        _head = _tail;
        _ports.Clear();
        _groups.Clear();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Port? FindPort(Route route)
    {
        if (!_ports.TryGetValue(route.Destination, out Port? port))
        {
            // A group may well have no member here.
            PacketsDropped += route.IsMulticast ? 0 : 1;
            return null;
        }

        // What goes to a group goes to the wire as well: the link state is the wire's.
        if (!route.IsMulticast)
            route.LinkState = port;
        return port;
    }

    /// <summary>Segments of one packet lie side by side: the rest of the ring is skipped when they do not fit before its end.</summary>
    private MemorySegment* CopySegments(MemorySegment* from, int count)
    {
        uint start = _segmentTail % SegmentRing;
        if (start + count > SegmentRing)
        {
            _segmentTail += SegmentRing - start;
            start = 0;
        }
        MemorySegment* to = _segments + start;
        for (int i = 0; i < count; i++)
            to[i] = from[i];
        _segmentTail += (uint)count;
        return to;
    }
}
