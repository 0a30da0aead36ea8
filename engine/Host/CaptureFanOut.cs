using RoceEngine.Links;
using RoceEngine.Wire;

namespace RoceEngine.Host;

/// <summary>The captures of one worker. Its links and its local switch call it while there are any. The worker's thread only.</summary>
internal sealed class CaptureFanOut
{
    private readonly LinkTap _wire;
    private readonly LocalTap _local;
    private CaptureTap[] _taps = [];

    public CaptureFanOut()
    {
        _wire = new LinkTap(this);
        _local = new LocalTap(this);
    }

    /// <summary>For the UDP links; null while no capture runs, so that they do nothing for it.</summary>
    public IPacketTap? Wire => _taps.Length == 0 ? null : _wire;

    /// <summary>For the local switch, which shows each packet once.</summary>
    public IPacketTap? Local => _taps.Length == 0 ? null : _local;

    public void Add(CaptureTap tap) => _taps = [.. _taps, tap];

    public void Remove(CaptureTap tap) => _taps = [.. _taps.Where(other => other != tap)];

    private sealed class LinkTap(CaptureFanOut owner) : IPacketTap
    {
        public void OnDatagram(
            in Gid source, in Gid destination, ushort sourcePort, byte tos, ushort identification, ReadOnlySpan<byte> udpPayload, bool outgoing, long nowNs)
        {
            CapturedDatagram datagram = Describe(source, destination, sourcePort, tos, identification, outgoing, nowNs);
            foreach (CaptureTap tap in owner._taps)
            {
                if (tap.OnlyDevice is not { } only || only == (outgoing ? source : destination))
                    tap.Take(datagram, udpPayload);
            }
        }
    }

    private sealed class LocalTap(CaptureFanOut owner) : IPacketTap
    {
        public void OnDatagram(
            in Gid source, in Gid destination, ushort sourcePort, byte tos, ushort identification, ReadOnlySpan<byte> udpPayload, bool outgoing, long nowNs)
        {
            CapturedDatagram datagram = Describe(source, destination, sourcePort, tos, identification, outgoing, nowNs);
            foreach (CaptureTap tap in owner._taps)
            {
                if (tap.OnlyDevice is not { } only || only == source || only == destination)
                    tap.Take(datagram, udpPayload);
            }
        }
    }

    private static CapturedDatagram Describe(
        in Gid source, in Gid destination, ushort sourcePort, byte tos, ushort identification, bool outgoing, long nowNs) => new()
        {
            Source = source,
            Destination = destination,
            TimeNs = nowNs,
            SourcePort = sourcePort,
            Identification = identification,
            Tos = tos,
            IsOutgoing = outgoing ? (byte)1 : (byte)0,
        };
}
