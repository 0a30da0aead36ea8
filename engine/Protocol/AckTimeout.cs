namespace RoceEngine.Protocol;

/// <summary>The local ACK timeout. IBTA vol. 1, 9.9.2.1.1.</summary>
public static class AckTimeout
{
    /// <summary>Nanoseconds of a timeout code: 4.096 µs · 2^code for 1 … 31, <see cref="long.MaxValue"/> for 0, which is forever.</summary>
    public static long Nanoseconds(byte code) => (code & 31) == 0 ? long.MaxValue : 4096L << (code & 31);
}
