using System.Numerics;
using System.Runtime.InteropServices;
using RoceEngine.Verbs;

namespace Migration.Tests;

/// <summary>
/// What an end knows of its traffic, in guest memory: a process that goes on from a snapshot finds it there. A completion is noted in the journal before it is
/// made something of, so that it is made something of once, wherever the process before stopped.
/// </summary>
internal sealed class TrafficState
{
    public const ulong Tag = 0x5354;

    private const int Pairs = 64;
    private const int FetchedBytes = 1 << 20;

    private readonly GuestMemory _memory;

    public TrafficState(GuestMemory memory) => _memory = memory;

    public static long Bytes => 4096 + FetchedBytes;

    public ref TrafficHead Head => ref MemoryMarshal.AsRef<TrafficHead>(_memory.AsSpan(0, 256));

    /// <summary>Messages that each QP has posted, or is about to: one more than it has when the process stopped in between.</summary>
    public Span<long> Posted => Longs(0);

    /// <summary>Messages that have completed.</summary>
    public Span<long> Completed => Longs(1);

    /// <summary>The first message of the peer that has not come.</summary>
    public Span<long> Received => Longs(2);

    /// <summary>Receives that are posted.</summary>
    public Span<byte> ReceivePosted => _memory.AsSpan(256 + (3 * Pairs * sizeof(long)), Pairs);

    /// <summary>How many different values were fetched.</summary>
    public long FetchedCount => Words.ToArray().Sum(word => (long)BitOperations.PopCount(word));

    /// <summary>The highest value fetched.</summary>
    public long FetchedMax
    {
        get
        {
            int last = Words.LastIndexOfAnyExcept(0ul);
            return (last * 64L) + 63 - BitOperations.LeadingZeroCount(Words[last]);
        }
    }

    private Span<ulong> Words => MemoryMarshal.Cast<byte, ulong>(_memory.AsSpan(4096, FetchedBytes));

    public bool WasFetched(ulong value) => (Words[checked((int)(value >> 6))] >> (int)(value & 63) & 1) != 0;

    /// <summary>Begins to make something of a completion.</summary>
    public void Note(in TrafficJournal journal)
    {
        Head.IsNoted = 0;
        Thread.MemoryBarrier();
        Head.Journal = journal;
        Thread.MemoryBarrier();
        Head.IsNoted = 1;
    }

    /// <summary>Makes of the completion noted what is to be made of it, once or several times.</summary>
    public void Apply(uint positions)
    {
        TrafficJournal journal = Head.Journal;
        if (journal.Buffer < 0)
        {
            Completed[journal.Pair] = journal.Message + 1;
            if (journal.Fetched >= 0)
                Words[(int)(journal.Fetched >> 6)] |= 1ul << (int)(journal.Fetched & 63);
        }
        else
        {
            Received[journal.Pair] = journal.Message + 1;
            ReceivePosted[journal.Buffer] = 0;
        }
        Thread.MemoryBarrier();
        Head.Position = (journal.Position + 1) & (positions - 1);
    }

    private Span<long> Longs(int index) => MemoryMarshal.Cast<byte, long>(_memory.AsSpan(256 + (index * Pairs * sizeof(long)), Pairs * sizeof(long)));
}

/// <summary>The first bytes of a <see cref="TrafficState"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TrafficHead
{
    public ulong RemoteAddress;
    public uint RemoteKey;

    /// <summary>Not 0 while messages are begun.</summary>
    public uint IsRunning;

    /// <summary>The first completion of which nothing was made, by its position in the queue.</summary>
    public uint Position;

    /// <summary>Not 0 while the journal is whole.</summary>
    public uint IsNoted;

    public TrafficJournal Journal;
}

/// <summary>What is to be made of a completion.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TrafficJournal
{
    public long Message;

    /// <summary>The value that an atomic fetched, or -1.</summary>
    public long Fetched;

    public uint Position;
    public int Pair;

    /// <summary>The receive that it was, to be posted again; -1 for a send.</summary>
    public int Buffer;

    /// <summary>Where the receive queue was before that.</summary>
    public uint ReceivePosition;
}
