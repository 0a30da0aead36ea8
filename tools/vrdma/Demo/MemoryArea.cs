using System.Globalization;
using RoceEngine.Verbs;

namespace RoceEngine.Vrdma.Demo;

/// <summary>
/// The registered memory of a guest: slots for messages with guard bytes before, between and behind them. All of it is filled
/// before a pass and all of it compared afterwards, so that a byte written outside a message is seen wherever it fell.
/// </summary>
internal sealed class MemoryArea : IDisposable
{
    private const int GuardBytes = 64;
    private const int SlotAlignment = 64;

    private readonly GuestMemory _memory;
    private readonly MemoryRegion _region;

    public MemoryArea(RdmaContext context, ProtectionDomain domain)
    {
        _memory = context.AllocateMemory(AreaBytes);
        _region = domain.RegisterMemory(
            _memory, AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic);
    }

    /// <summary>Bytes of the area: 128 slots of 64 KiB, or 8 of 1 MiB, with their guards, and some more.</summary>
    public const int AreaBytes = (8 << 20) + (64 << 10);

    public ulong Address => _region.Address;

    public uint RemoteKey => _region.RemoteKey;

    /// <summary>Where a message's slot begins in the area.</summary>
    public static int SlotOffset(int bytes, int index) => GuardBytes + (index * SlotStride(bytes));

    /// <summary>The scatter/gather entry of a slot.</summary>
    public ScatterGatherEntry Slot(int bytes, int index) => new(Address + (ulong)SlotOffset(bytes, index), (uint)bytes, _region.LocalKey);

    /// <summary>The eight bytes of an atomic's target or result.</summary>
    public ulong ReadWord(int index) => BitConverter.ToUInt64(_memory.Span.Slice(SlotOffset(sizeof(ulong), index), sizeof(ulong)));

    /// <summary>Sets the eight bytes of a slot.</summary>
    public void WriteWord(int index, ulong value) =>
        BitConverter.TryWriteBytes(_memory.Span.Slice(SlotOffset(sizeof(ulong), index), sizeof(ulong)), value);

    /// <summary>Fills everything with the guard byte, and the slots with the messages when this end is where they come from.</summary>
    public void Fill(Pass pass, bool isRequester, bool withMessages)
    {
        _memory.Span.Fill(Guard(pass, isRequester));
        for (int i = 0; withMessages && i < pass.Messages; i++)
            Pattern.Fill(_memory.Span.Slice(SlotOffset(pass.Bytes, i), pass.Bytes), pass.MessageSeed(i));
    }

    /// <summary>Compares every slot with its message and every other byte with the guard; the first difference in words, or null.</summary>
    public string? CompareMessages(Pass pass, bool isRequester)
    {
        for (int i = 0; i < pass.Messages; i++)
        {
            int at = Pattern.FirstDifference(_memory.Span.Slice(SlotOffset(pass.Bytes, i), pass.Bytes), pass.MessageSeed(i));
            if (at >= 0)
                return string.Create(CultureInfo.InvariantCulture, $"message {i} of {pass.Messages} differs at byte {at} of {pass.Bytes}");
        }

        return CompareGuards(pass, isRequester, pass.Messages);
    }

    /// <summary>Compares every byte outside the first slots with the guard; the first difference in words, or null.</summary>
    public string? CompareGuards(Pass pass, bool isRequester, int slots)
    {
        ReadOnlySpan<byte> bytes = _memory.Span;
        byte guard = Guard(pass, isRequester);
        int begin = 0;
        for (int i = 0; i <= slots; i++)
        {
            int end = i < slots ? SlotOffset(pass.Bytes, i) : bytes.Length;
            int at = bytes[begin..end].IndexOfAnyExcept(guard);
            if (at >= 0)
                return string.Create(CultureInfo.InvariantCulture, $"byte {begin + at} of the memory, outside every message, was overwritten");
            begin = end + pass.Bytes;
        }

        return null;
    }

    public void Dispose()
    {
        _region.Dispose();
        _memory.Dispose();
    }

    private static int SlotStride(int bytes) => ((bytes + SlotAlignment - 1) & -SlotAlignment) + GuardBytes;

    /// <summary>Differs between the ends, so that a guard copied from the peer is seen as well.</summary>
    private static byte Guard(Pass pass, bool isRequester) => (byte)(pass.Seed ^ (isRequester ? 0x5Au : 0xC3u));
}
