namespace RoceEngine.Rsockets;

/// <summary>What a completion says about its WRITE: 63 control message | 62 this end is done after it | 31…0 bytes of the ring that are free again.</summary>
internal static class PostId
{
    private const ulong Control = 1UL << 63;
    private const ulong Final = 1UL << 62;

    public static ulong OfData(int ringBytes) => (uint)ringBytes;

    public static ulong OfControl(bool isFinal) => isFinal ? Control | Final : Control;

    public static bool IsControl(ulong id) => (id & Control) != 0;

    public static bool IsFinal(ulong id) => (id & Final) != 0;

    public static int RingBytes(ulong id) => (int)(uint)id;
}
