namespace RoceEngine.Host;

/// <summary>How many bytes may be under way to one destination.</summary>
public static class WindowPolicy
{
    /// <summary>More than this brings no throughput on any link that a soft engine fills, and costs the caches.</summary>
    public const long BytesMax = 1 << 20;

    /// <summary>Two datagrams of the largest size: less would stop a QP.</summary>
    public const long BytesMin = 2 * 4400;

    /// <summary>
    /// The receiver is taken to be like us. The kernel charges a datagram with 1.1 times its bytes in a train and 2.5 times when
    /// alone, and the buffer may be shared by two senders: a quarter of what the kernel reports.
    /// </summary>
    public static long LimitBytes(int receiveBufferBytes) => Math.Clamp(receiveBufferBytes / 4, BytesMin, BytesMax);
}
