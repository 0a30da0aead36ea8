using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>How a request that needs a response is answered.</summary>
internal enum ReadAtomicKind : byte
{
    /// <summary>READ: by its data.</summary>
    Read,

    /// <summary>Atomics: by the value that was there before.</summary>
    Atomic,

    /// <summary>FLUSH: by a READ response without data.</summary>
    Flush,

    /// <summary>ATOMIC WRITE: by a READ response without data.</summary>
    AtomicWrite,
}

/// <summary>A READ or atomic that the responder took, kept so that it can be answered again. IBTA vol. 1, 9.7.5.1.2, 9.7.5.1.4.</summary>
internal struct ReadAtomicResource
{
    /// <summary>PSN of the request and of the first response.</summary>
    public Psn FirstPsn;

    /// <summary>PSNs that the request takes.</summary>
    public uint PacketCount;

    public ReadAtomicKind Kind;

    /// <summary>True while (more) responses are to be sent.</summary>
    public bool IsPending;

    /// <summary>True once all responses were sent; pending then means a replay, which nobody waits for when a newer request takes its place.</summary>
    public bool WasAnswered;

    public uint RemoteKey;
    public ulong Address;

    /// <summary>Bytes of the READ.</summary>
    public uint Bytes;

    /// <summary>MSN of the request.</summary>
    public uint MessageSequenceNumber;

    /// <summary>Index of the first packet of the answer being given; its response has a First or Only opcode.</summary>
    public uint AnswerFrom;

    /// <summary>Index after the last packet of the answer being given.</summary>
    public uint AnswerEnd;

    /// <summary>Bytes of the READ before the end of the answer being given.</summary>
    public uint AnswerEndBytes;

    /// <summary>Index of the next packet to send.</summary>
    public uint NextIndex;

    /// <summary>Atomics: what the memory held before.</summary>
    public ulong OriginalValue;
}

/// <summary>
/// The last <c>max_dest_rd_atomic</c> READs and atomics, oldest first: a queue of those to be answered, and the replay memory of those
/// that were. Memory grows with use up to the depth, and not at all on a QP that gets none.
/// </summary>
internal sealed partial class ReadAtomicResources
{
    /// <summary>Parts of answers that wait to be given again at most; more are dropped, and asked for again.</summary>
    private const int PartsMax = 16;

    private readonly int _depth;

    // A power of two, so that positions may wrap around.
    private ReadAtomicResource[] _ring;
    private uint _next;
    private uint _count;
    private uint _pendingFrom;

    // Parts of answers to be given again, beside what is pending: copies, oldest first.
    private ReadAtomicResource[]? _parts;
    private int _partCount;

    public ReadAtomicResources(int depth)
    {
        _depth = depth;
        _ring = new ReadAtomicResource[2];
    }

    /// <summary>True while there is something to answer.</summary>
    public bool HasPending => _partCount > 0 || _pendingFrom != _next;

    /// <summary>True while one more may be taken without losing one that was not answered yet.</summary>
    public bool HasRoom
    {
        get
        {
            if (_count < (uint)_depth)
            {
                return true;
            }

            ref ReadAtomicResource oldest = ref At(_next - _count);
            return _depth > 0 && (!oldest.IsPending || oldest.WasAnswered);
        }
    }

    /// <summary>The oldest one to be answered; a part to be given again comes first, somebody waits for it.</summary>
    public ref ReadAtomicResource OldestPending => ref (_partCount > 0 ? ref _parts![0] : ref At(_pendingFrom));

    /// <summary>Makes room for a new one, to be filled by the caller; forgets the oldest when the depth is reached.</summary>
    public ref ReadAtomicResource Add()
    {
        if (_count == (uint)_depth)
        {
            ForgetOldest();
        }
        else if (_count == (uint)_ring.Length)
        {
            Grow();
        }

        _count++;
        ref ReadAtomicResource added = ref At(_next++);
        added = default;
        added.IsPending = true;
        return ref added;
    }

    /// <summary>The one that a PSN belongs to; a null reference when it is older than all, or no READ or atomic.</summary>
    public ref ReadAtomicResource Find(Psn psn, out uint position)
    {
        for (uint age = 1; age <= _count; age++)
        {
            position = _next - age;
            ref ReadAtomicResource each = ref At(position);
            int distance = psn.DistanceFrom(each.FirstPsn);
            if (distance >= 0)
            {
                if ((uint)distance < each.PacketCount)
                {
                    return ref each;
                }

                break;
            }
        }

        position = 0;
        return ref Unsafe.NullRef<ReadAtomicResource>();
    }

    /// <summary>Answers the one at <paramref name="position"/> again: it, and whatever is pending after it, is due in order.</summary>
    public void MarkPending(uint position)
    {
        At(position).IsPending = true;
        if ((int)(position - _pendingFrom) < 0)
        {
            _pendingFrom = position;
        }
    }

    /// <summary>Gives a part of an answer again while the answer itself is still being given.</summary>
    public void AddPart(in ReadAtomicResource part)
    {
        _parts ??= new ReadAtomicResource[PartsMax];
        for (int i = 0; i < _partCount; i++)
        {
            if (_parts[i].FirstPsn == part.FirstPsn && _parts[i].AnswerFrom == part.AnswerFrom && _parts[i].AnswerEnd == part.AnswerEnd)
            {
                return;
            }
        }

        if (_partCount < PartsMax)
        {
            _parts[_partCount++] = part;
        }
    }

    /// <summary>The oldest pending one is answered.</summary>
    public void FinishOldestPending()
    {
        if (_partCount > 0)
        {
            _partCount--;
            Array.Copy(_parts!, 1, _parts!, 0, _partCount);
            return;
        }

        At(_pendingFrom).WasAnswered = true;
        SkipPending();
    }

    private void ForgetOldest()
    {
        if (At(_next - _count).IsPending)
        {
            SkipPending();
        }

        _count--;
    }

    private void SkipPending()
    {
        At(_pendingFrom).IsPending = false;
        do
        {
            _pendingFrom++;
        }
        while (_pendingFrom != _next && !At(_pendingFrom).IsPending);
    }

    private ref ReadAtomicResource At(uint position) => ref _ring[position & (uint)(_ring.Length - 1)];

    private void Grow()
    {
        var grown = new ReadAtomicResource[_ring.Length * 2];
        for (uint position = _next - _count; position != _next; position++)
        {
            grown[position & (uint)(grown.Length - 1)] = At(position);
        }

        _ring = grown;
    }
}
