using RoceEngine.Capture;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace RoceEngine.Simulation.Commands;

/// <summary>Writes every datagram to a capture file, at its virtual time.</summary>
internal sealed class TraceTap(CaptureWriter writer) : IPacketTap
{
    public void OnDatagram(
        in Gid source, in Gid destination, ushort sourcePort, byte tos, ushort identification, ReadOnlySpan<byte> udpPayload, bool outgoing, long nowNs) =>
        writer.WriteDatagram(source, destination, sourcePort, tos, identification, udpPayload, nowNs);
}
