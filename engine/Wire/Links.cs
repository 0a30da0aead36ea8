namespace RoceEngine.Wire;

/// <summary>The way from one local address to one remote address, as IP sees it. Shared by all QPs that use it.</summary>
public sealed class Route
{
    public Route(Gid source, Gid destination, byte trafficClass = 0, byte hopLimit = 64)
    {
        Source = source;
        Destination = destination;
        TrafficClass = trafficClass;
        HopLimit = hopLimit;
        IsMulticast = destination.IsMulticast;
    }

    public Gid Source { get; }

    public Gid Destination { get; }

    /// <summary>IPv4 TOS or IPv6 traffic class, ECN bits included.</summary>
    public byte TrafficClass { get; }

    public byte HopLimit { get; }

    /// <summary>True when the destination is a group: packets go to all its members, of this worker and elsewhere.</summary>
    public bool IsMulticast { get; }

    /// <summary>
    /// True while the destination is a device of the same worker, so that packets go by memory copy. May change at any turn,
    /// when a device comes, goes or moves; PSNs go on.
    /// </summary>
    public bool IsLocal { get; set; }

    /// <summary>A link's own cached form of the destination (a socket address, say). Only links touch it.</summary>
    public object? LinkState { get; set; }
}

/// <summary>Where the protocol puts packets to be sent. Implemented by the links' transmit batches.</summary>
public interface IPacketSink
{
    /// <summary>True while one more packet of any size fits into the batch. Ask before composing a packet.</summary>
    bool HasRoom { get; }

    /// <summary>
    /// Middle packets of a message that the sink takes as one run for a way that is not local, and cuts itself; 1 where it takes packets alone.
    /// So many that what is sent together is full after them, if there are as many.
    /// </summary>
    /// <param name="route">The way.</param>
    /// <param name="payloadBytes">Bytes of payload of each packet.</param>
    int RunPackets(Route route, int payloadBytes) => 1;

    /// <summary>
    /// Takes a packet. The header fields and the segment list are copied at once; the payload memory itself must stay valid
    /// and mapped until the worker's flush at the end of the turn.
    /// </summary>
    void Emit(in Packet packet, Route route);
}

/// <summary>Receives packets that a link has decoded and whose ICRC it has verified.</summary>
public interface IPacketReceiver
{
    /// <summary>One packet; its payload memory is valid only during the call.</summary>
    void OnPacket(in Packet packet, in Gid source, in Gid destination);

    /// <summary>
    /// Where the payload of middle packets that came together belongs, asked for before their ICRC is verified: a link that knows verifies and
    /// copies in one pass. Nothing changes by the question. What was verified is then passed to <see cref="OnPacket"/> as a run whose payload
    /// lies there already; of what does not fit, the copied bytes are void, and come again before their message ends.
    /// </summary>
    /// <param name="run">
    /// The first packet's fields, with the PsnCount and the PayloadBytes of all, and with Segments and SegmentCount as room for the answer, which
    /// sets them, and may make the run shorter.
    /// </param>
    /// <param name="source">Source address.</param>
    /// <param name="destination">Destination address.</param>
    /// <returns>False when the packets are not what is expected next, as far as their headers say, or go nowhere.</returns>
    bool TryFindPlace(ref Packet run, in Gid source, in Gid destination) => false;
}

/// <summary>The packets of one device address. Owned by one worker thread.</summary>
public interface ILink : IPacketSink, IDisposable
{
    /// <summary>Drains up to about <paramref name="packetsMax"/> waiting packets into <paramref name="receiver"/>; returns how many.</summary>
    int Receive(IPacketReceiver receiver, int packetsMax);

    /// <summary>Sends all that was emitted.</summary>
    void Flush();

    /// <summary>
    /// A file descriptor that polls readable when packets wait, or -1 where there is none. May change when a group is joined or left.
    /// </summary>
    int PollDescriptor { get; }

    /// <summary>
    /// Receives the packets of a multicast group from now on, whoever of the network sends them. Once per group. Returns 0, or the
    /// error number: EINVAL when it is no group of the address's family, or joined already; else the kernel's.
    /// </summary>
    int JoinMulticast(in Gid group);

    /// <summary>Receives that group's packets no more; packets that wait are dropped. Nothing happens when it was not joined.</summary>
    void LeaveMulticast(in Gid group);
}
