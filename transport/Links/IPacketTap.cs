using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>
/// Sees every datagram of a link, malformed ones included. A link calls it only while it is set, from the link's own thread; it must
/// copy what it wants to keep.
/// </summary>
public interface IPacketTap
{
    /// <summary>One datagram.</summary>
    /// <param name="source">IP source address.</param>
    /// <param name="destination">IP destination address.</param>
    /// <param name="sourcePort">UDP source port; the destination port is 4791.</param>
    /// <param name="tos">IPv4 TOS or IPv6 traffic class. Of a received datagram only the ECN bits are sure.</param>
    /// <param name="identification">IPv4 identification: what the sender's kernel will put, or what the receiver recovered from the ICRC (0 if it did not verify).</param>
    /// <param name="udpPayload">BTH to ICRC.</param>
    /// <param name="outgoing">True when this link sends it. Same-worker packets are seen once, as outgoing.</param>
    /// <param name="nowNs">Nanoseconds since the Unix epoch; virtual time in a simulation.</param>
    void OnDatagram(
        in Gid source,
        in Gid destination,
        ushort sourcePort,
        byte tos,
        ushort identification,
        ReadOnlySpan<byte> udpPayload,
        bool outgoing,
        long nowNs);
}
