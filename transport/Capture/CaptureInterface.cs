namespace RoceEngine.Capture;

/// <summary>What a pcapng interface description says about the packets that name it.</summary>
internal readonly struct CaptureInterface
{
    private const long NanosecondsPerSecond = 1_000_000_000;
    private const byte BinaryResolutionBit = 0x80;

    private readonly byte _resolution;
    private readonly long _offsetSeconds;

    /// <param name="linkType">How its frames begin.</param>
    /// <param name="snapBytes">Largest captured length; 0 for no limit.</param>
    /// <param name="resolution">if_tsresol: a negative power of ten, or of two when the top bit is set.</param>
    /// <param name="offsetSeconds">if_tsoffset: seconds to add.</param>
    public CaptureInterface(LinkType linkType, uint snapBytes, byte resolution, long offsetSeconds)
    {
        LinkType = linkType;
        SnapBytes = snapBytes;
        _resolution = resolution;
        _offsetSeconds = offsetSeconds;
    }

    /// <summary>if_tsresol of an interface that does not say: microseconds.</summary>
    public const byte DefaultResolution = 6;

    public LinkType LinkType { get; }

    public uint SnapBytes { get; }

    /// <summary>A time stamp in nanoseconds, at the limits of 64 bits when it lies outside.</summary>
    public long ToNanoseconds(ulong units)
    {
        Int128 time = (_resolution & BinaryResolutionBit) != 0
            ? FromPowerOfTwo(units, _resolution & ~BinaryResolutionBit)
            : FromPowerOfTen(units, _resolution);
        time += (Int128)_offsetSeconds * NanosecondsPerSecond;
        return (long)Int128.Clamp(time, long.MinValue, long.MaxValue);
    }

    private static Int128 FromPowerOfTwo(ulong units, int exponent) => (Int128)units * NanosecondsPerSecond >> exponent;

    private static Int128 FromPowerOfTen(ulong units, int exponent)
    {
        Int128 time = units;
        for (; exponent < 9; exponent++)
        {
            time *= 10;
        }

        for (; exponent > 9 && time != 0; exponent--)
        {
            time /= 10;
        }

        return time;
    }
}
