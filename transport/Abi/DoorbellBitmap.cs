using System.Numerics;
using System.Runtime.Intrinsics;

namespace RoceEngine.Abi;

/// <summary>
/// Doorbells as a two-level bitmap: eight summary words, each bit of which says that one of 512 words is not zero, each bit of which is
/// a QP handle. Ringing never overwrites another ring, and looking at 32,768 idle queues costs one cache line.
/// </summary>
public readonly unsafe struct DoorbellBitmap
{
    public const int SummaryWordCount = 8;
    public const int WordCount = 512;

    private readonly ulong* _summary;
    private readonly ulong* _words;

    /// <summary>A bitmap over 8 summary words and 512 words, both 8-byte aligned.</summary>
    public DoorbellBitmap(ulong* summary, ulong* words)
    {
        _summary = summary;
        _words = words;
    }

    /// <summary>The send doorbells of a control region.</summary>
    public static DoorbellBitmap ForSends(byte* controlRegion) =>
        new((ulong*)(controlRegion + ControlRegion.SendSummary), (ulong*)(controlRegion + ControlRegion.SendWords));

    /// <summary>The receive doorbells of a control region.</summary>
    public static DoorbellBitmap ForReceives(byte* controlRegion) =>
        new((ulong*)(controlRegion + ControlRegion.ReceiveSummary), (ulong*)(controlRegion + ControlRegion.ReceiveWords));

    /// <summary>
    /// Rings for a handle below 32,768. The word first, then the summary: whoever takes the summary bit finds the word. A full fence, so
    /// a load of the need-wakeup word may follow.
    /// </summary>
    public void Set(uint handle)
    {
        uint word = (handle >> 6) & (WordCount - 1);
        Interlocked.Or(ref _words[word], 1ul << (int)(handle & 63));

        // The summary bit seen set was not taken yet, and the device takes it before the word: it will see the bit set above.
        ulong summaryBit = 1ul << (int)(word & 63);
        if ((Volatile.Read(ref _summary[word >> 6]) & summaryBit) == 0)
        {
            Interlocked.Or(ref _summary[word >> 6], summaryBit);
        }
    }

    /// <summary>Takes back the ring of a handle, if it was rung. Its summary bit may stay.</summary>
    internal void Clear(uint handle) => Interlocked.And(ref _words[(handle >> 6) & (WordCount - 1)], ~(1ul << (int)(handle & 63)));

    /// <summary>Says again that a word may have bits.</summary>
    internal void SetSummary(int word) => Interlocked.Or(ref _summary[word >> 6], 1ul << (word & 63));

    /// <summary>True when some summary bit is set. A look before sleeping; put a full fence between announcing sleep and this.</summary>
    public bool IsAnySet()
    {
        Vector512<ulong> summary = Vector512.Load(_summary);
        Volatile.ReadBarrier();
        return summary != Vector512<ulong>.Zero;
    }

    /// <summary>Takes all bits of a summary word (0 … 7).</summary>
    public ulong TakeSummary(int index) =>
        Volatile.Read(ref _summary[index]) == 0 ? 0 : Interlocked.Exchange(ref _summary[index], 0);

    /// <summary>Takes all bits of a word (0 … 511).</summary>
    public ulong TakeWord(int index) => Interlocked.Exchange(ref _words[index], 0);
}

/// <summary>
/// The device's side of a <see cref="DoorbellBitmap"/>: hands out rung handles one at a time, and keeps what it took and did not hand out
/// for the next time, so that a bounded turn loses nothing.
/// </summary>
public struct DoorbellHarvester
{
    private readonly DoorbellBitmap _bitmap;
    private ulong _summaryBits;
    private ulong _wordBits;
    private int _summaryIndex;
    private int _wordIndex;

    public DoorbellHarvester(DoorbellBitmap bitmap) => _bitmap = bitmap;

    /// <summary>True when handles were taken from the bitmap and not handed out yet.</summary>
    public readonly bool HasTaken => (_summaryBits | _wordBits) != 0;

    /// <summary>True when a call of <see cref="TryNext"/> may find something.</summary>
    public readonly bool HasWork => HasTaken || _bitmap.IsAnySet();

    /// <summary>Rings again what was taken and not handed out: somebody else will harvest from here on.</summary>
    public void GiveBack()
    {
        for (; _wordBits != 0; _wordBits &= _wordBits - 1)
        {
            _bitmap.Set((uint)((_wordIndex << 6) + BitOperations.TrailingZeroCount(_wordBits)));
        }

        for (; _summaryBits != 0; _summaryBits &= _summaryBits - 1)
        {
            _bitmap.SetSummary((_summaryIndex << 6) + BitOperations.TrailingZeroCount(_summaryBits));
        }
    }

    /// <summary>What a handle names is gone: its ring, if there was one, is nobody's.</summary>
    public void Withdraw(uint handle)
    {
        _bitmap.Clear(handle);
        if (_wordIndex == handle >> 6)
        {
            _wordBits &= ~(1ul << (int)(handle & 63));
        }
    }

    /// <summary>The next rung handle; false when one pass over the summary found no more. Each summary word is taken at most once in a call.</summary>
    public bool TryNext(out uint handle)
    {
        int summariesLooked = 0;
        while (true)
        {
            if (_wordBits != 0)
            {
                handle = (uint)((_wordIndex << 6) + BitOperations.TrailingZeroCount(_wordBits));
                _wordBits &= _wordBits - 1;
                return true;
            }

            if (_summaryBits != 0)
            {
                _wordIndex = (_summaryIndex << 6) + BitOperations.TrailingZeroCount(_summaryBits);
                _summaryBits &= _summaryBits - 1;
                _wordBits = _bitmap.TakeWord(_wordIndex);
                continue;
            }

            // Mostly there is nothing, or nothing more: one look at the line says so.
            if (summariesLooked++ == DoorbellBitmap.SummaryWordCount || !_bitmap.IsAnySet())
            {
                handle = 0;
                return false;
            }

            _summaryIndex = (_summaryIndex + 1) & (DoorbellBitmap.SummaryWordCount - 1);
            _summaryBits = _bitmap.TakeSummary(_summaryIndex);
        }
    }
}
