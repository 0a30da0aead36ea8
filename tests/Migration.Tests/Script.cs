using RoceEngine.Verbs;

namespace Migration.Tests;

/// <summary>
/// What an end of each QP sends, known to both ends: message n of a QP is a step of a cycle, and its bytes follow from QP and n.
/// </summary>
internal sealed class Script
{
    public const int MessageBytesMax = 6000;
    public const int SlotBytes = 8192;

    /// <summary>All RC operations.</summary>
    public static readonly Script Mixed = new(
        SendOpcode.Send, SendOpcode.SendWithImmediate, SendOpcode.Write, SendOpcode.WriteWithImmediate, SendOpcode.Read, SendOpcode.FetchAdd, SendOpcode.CompareSwap);

    /// <summary>What a device answers without a guest.</summary>
    public static readonly Script OneSided = new(SendOpcode.Write, SendOpcode.Read, SendOpcode.FetchAdd, SendOpcode.CompareSwap);

    private readonly SendOpcode[] _order;

    private Script(params SendOpcode[] order) => _order = order;

    public int Steps => _order.Length;

    public static Script Named(string name) => name == "one-sided" ? OneSided : Mixed;

    public SendOpcode Opcode(long n) => _order[n % Steps];

    /// <summary>The WRITE whose bytes the READ n asks for: that of its cycle.</summary>
    public long ReadBy(long n) => n - Array.IndexOf(_order, SendOpcode.Read) + Array.IndexOf(_order, SendOpcode.Write);

    public bool TakesReceive(long n) => Opcode(n) is SendOpcode.Send or SendOpcode.SendWithImmediate or SendOpcode.WriteWithImmediate;

    /// <summary>The next message from n on that takes a receive.</summary>
    public long NextReceived(long n)
    {
        while (!TakesReceive(n))
            n++;
        return n;
    }

    /// <summary>Messages before n that take a receive.</summary>
    public long ReceivesBefore(long n) =>
        Enumerable.Range(0, (int)(n % Steps)).Count(step => TakesReceive(step)) + (Enumerable.Range(0, Steps).Count(step => TakesReceive(step)) * (n / Steps));

    /// <summary>Messages before n with this opcode.</summary>
    public long CountBefore(SendOpcode opcode, long n) => (n / Steps) + (Array.IndexOf(_order, opcode) < n % Steps ? 1 : 0);

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
