using RoceEngine.Verbs;

namespace Migration.Tests;

/// <summary>
/// What each end of each QP sends, known to both ends: message n of a QP is step n % 7 of cycle n / 7, and its bytes follow from QP and n.
/// </summary>
internal static class Script
{
    public const int Steps = 7;
    public const int MessageBytesMax = 6000;
    public const int SlotBytes = 8192;

    private static readonly SendOpcode[] Order =
    [
        SendOpcode.Send, SendOpcode.SendWithImmediate, SendOpcode.Write, SendOpcode.WriteWithImmediate, SendOpcode.Read, SendOpcode.FetchAdd, SendOpcode.CompareSwap,
    ];

    public static SendOpcode Opcode(long n) => Order[n % Steps];

    public static bool TakesReceive(long n) => Opcode(n) is SendOpcode.Send or SendOpcode.SendWithImmediate or SendOpcode.WriteWithImmediate;

    /// <summary>The next message from n on that takes a receive.</summary>
    public static long NextReceived(long n)
    {
        while (!TakesReceive(n))
            n++;
        return n;
    }

    /// <summary>Messages before n that take a receive.</summary>
    public static long ReceivesBefore(long n) => Enumerable.Range(0, (int)(n % Steps)).Count(step => TakesReceive(step)) + (3 * (n / Steps));

    /// <summary>Messages before n with this opcode.</summary>
    public static long CountBefore(SendOpcode opcode, long n) => (n / Steps) + (Array.IndexOf(Order, opcode) < n % Steps ? 1 : 0);

    public static uint Immediate(int queuePair, long n) => ((uint)queuePair << 24) | ((uint)n & 0xFF_FFFF);

    /// <summary>From 16 to 6,000 bytes: one packet or several.</summary>
    public static int Bytes(int queuePair, long n) => 16 + (int)(Mix(queuePair, n) % (MessageBytesMax - 15));

    public static void Fill(Span<byte> bytes, int queuePair, long n)
    {
        ulong state = Mix(queuePair, n);
        for (int i = 0; i < bytes.Length; i++)
        {
            if ((i & 7) == 0)
                state = (state * 6364136223846793005) + 1442695040888963407;
            bytes[i] = (byte)(state >> (8 * (i & 7)));
        }
    }

    private static ulong Mix(int queuePair, long n)
    {
        ulong mixed = ((ulong)n + 1) * 0x9E37_79B9_7F4A_7C15 ^ ((ulong)queuePair << 56);
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9;
        return mixed ^ (mixed >> 27);
    }
}
