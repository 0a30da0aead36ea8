namespace RoceEngine.Wire;

/// <summary>The 32 waits that an RNR NAK may ask for, by its 5-bit index. IBTA vol. 1, 9.7.5.2.8, table 45.</summary>
public static class RnrTimer
{
    /// <summary>Number of indices; an index is 0…31.</summary>
    public const int Count = 32;

    // Index 0 is the longest wait. All values are whole multiples of 10 microseconds.
    private static ReadOnlySpan<int> MicrosecondsByIndex =>
    [
        655_360, 10, 20, 30, 40, 60, 80, 120,
        160, 240, 320, 480, 640, 960, 1_280, 1_920,
        2_560, 3_840, 5_120, 7_680, 10_240, 15_360, 20_480, 30_720,
        40_960, 61_440, 81_920, 122_880, 163_840, 245_760, 327_680, 491_520,
    ];

    /// <summary>The wait of an index in microseconds; only its low five bits count.</summary>
    public static int Microseconds(int index) => MicrosecondsByIndex[index & (Count - 1)];

    /// <summary>The wait of an index in nanoseconds; only its low five bits count.</summary>
    public static long Nanoseconds(int index) => Microseconds(index) * 1_000L;
}
