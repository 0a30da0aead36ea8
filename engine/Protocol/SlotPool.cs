using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace RoceEngine.Protocol;

/// <summary>What a pooled slot carries for the pool: its link and its chunk.</summary>
internal unsafe interface IPooledSlot<T>
    where T : unmanaged, IPooledSlot<T>
{
    /// <summary>The next slot of whichever list holds this one.</summary>
    T* Next { get; set; }

    /// <summary>Which chunk the slot was cut from.</summary>
    int ChunkIndex { get; set; }
}

/// <summary>
/// Slots of a fixed size at fixed addresses (pinned chunks), handed out and taken back in a few instructions. Grows by a chunk when
/// needed and lets go of chunks that are wholly free, one kept back, so that idle queues hold nothing. A chunk that was let go and is
/// needed again is kept back from then on, so that queues whose depth goes up and down settle and allocate no more.
/// </summary>
/// <remarks>
/// A slot that may be named by a packet already emitted but not yet flushed (inline data of a QP that failed) is given back with
/// <see cref="ReturnLater"/> and is not handed out again in the same turn, told by the clock reading.
/// </remarks>
internal sealed unsafe class SlotPool<T>
    where T : unmanaged, IPooledSlot<T>
{
    private const int FreeChunksKeptMax = 64;

    private readonly int _slotsPerChunk;
    private readonly List<Chunk?> _chunks = [];
    private readonly Stack<int> _vacantIndices = new();
    private Chunk? _current;
    private int _wholeFreeChunks;
    private int _freeChunksKept = 1;
    private int _chunksLetGo;
    private T* _later;
    private long _laterSinceNs;

    public SlotPool(int slotsPerChunk) => _slotsPerChunk = slotsPerChunk;

    /// <summary>Slots handed out.</summary>
    public int InUse { get; private set; }

    public long MemoryBytes { get; private set; }

    /// <summary>Takes a slot; its content is whatever the last user left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T* Take(long nowNs)
    {
        Chunk? chunk = _current;
        if (chunk is null || chunk.Free == null || _later != null)
        {
            chunk = FindChunk(nowNs);
        }

        T* slot = chunk.Free;
        chunk.Free = slot->Next;
        if (chunk.InUse++ == 0)
        {
            _wholeFreeChunks--;
        }

        InUse++;
        return slot;
    }

    /// <summary>Gives a slot back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Return(T* slot)
    {
        InUse--;
        Free(slot);
    }

    /// <summary>Gives a slot back, not to be handed out while the clock still reads <paramref name="nowNs"/>.</summary>
    public void ReturnLater(T* slot, long nowNs)
    {
        InUse--;
        slot->Next = _later;
        _later = slot;
        _laterSinceNs = nowNs;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Free(T* slot)
    {
        Chunk chunk = _chunks[slot->ChunkIndex]!;
        slot->Next = chunk.Free;
        chunk.Free = slot;
        _current = chunk;
        if (--chunk.InUse == 0)
        {
            OnChunkFree(chunk);
        }
    }

    private Chunk FindChunk(long nowNs)
    {
        if (_later != null && nowNs != _laterSinceNs)
        {
            ReturnAllLater();
        }

        if (_current is { } current && current.Free != null)
        {
            return current;
        }

        foreach (Chunk? chunk in _chunks)
        {
            if (chunk is not null && chunk.Free != null)
            {
                return _current = chunk;
            }
        }

        return _current = AddChunk();
    }

    private void ReturnAllLater()
    {
        while (_later != null)
        {
            T* slot = _later;
            _later = slot->Next;
            Free(slot);
        }
    }

    private Chunk AddChunk()
    {
        if (_chunksLetGo > 0 && _freeChunksKept < FreeChunksKeptMax)
        {
            _chunksLetGo--;
            _freeChunksKept++;
        }

        if (!_vacantIndices.TryPop(out int index))
        {
            index = _chunks.Count;
            _chunks.Add(null);
        }

        var chunk = new Chunk(index, GC.AllocateArray<T>(_slotsPerChunk, pinned: true));
        _chunks[index] = chunk;
        _wholeFreeChunks++;
        MemoryBytes += (long)_slotsPerChunk * sizeof(T);
        return chunk;
    }

    private void OnChunkFree(Chunk chunk)
    {
        if (++_wholeFreeChunks <= _freeChunksKept)
        {
            return;
        }

        _wholeFreeChunks--;
        _chunksLetGo++;
        _chunks[chunk.Index] = null;
        _vacantIndices.Push(chunk.Index);
        MemoryBytes -= (long)_slotsPerChunk * sizeof(T);
        if (_current == chunk)
        {
            _current = null;
        }
    }

    private sealed class Chunk
    {
        public readonly int Index;
        public T* Free;
        public int InUse;

        // Keeps the pinned memory alive that Free points into.
        private readonly T[] _slots;

        public Chunk(int index, T[] slots)
        {
            Index = index;
            _slots = slots;
            T* first = (T*)Unsafe.AsPointer(ref _slots[0]);
            for (int i = slots.Length - 1; i >= 0; i--)
            {
                T* slot = first + i;
                slot->ChunkIndex = index;
                slot->Next = Free;
                Free = slot;
            }

            Debug.Assert(Free == first);
        }
    }
}
