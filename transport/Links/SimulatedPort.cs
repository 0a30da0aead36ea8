namespace RoceEngine.Links;

/// <summary>
/// The switch port in front of one address of a <see cref="SimulatedNetwork"/>: datagrams leave it one after the other at the port's rate
/// and wait meanwhile. Time is all that it keeps.
/// </summary>
internal sealed class SimulatedPort
{
    /// <summary>Ethernet, IPv4 and UDP headers, which take time on the wire as well.</summary>
    private const int HeaderBytes = 14 + 20 + 8;

    private const long NanosecondsPerSecond = 1_000_000_000;

    private long _freeAtNs;

    /// <summary>Bytes that still wait or leave at <paramref name="nowNs"/>.</summary>
    public long WaitingBytes(long nowNs, long bytesPerSecond) =>
        bytesPerSecond == 0 || _freeAtNs <= nowNs ? 0 : (long)(Math.BigMul(_freeAtNs - nowNs, bytesPerSecond) / NanosecondsPerSecond);

    /// <summary>Puts a datagram behind those that wait; returns when its last byte has left.</summary>
    public long Append(int udpPayloadBytes, long nowNs, long bytesPerSecond)
    {
        if (bytesPerSecond == 0)
            return nowNs;
        _freeAtNs = Math.Max(_freeAtNs, nowNs) + (udpPayloadBytes + HeaderBytes) * NanosecondsPerSecond / bytesPerSecond;
        return _freeAtNs;
    }
}
