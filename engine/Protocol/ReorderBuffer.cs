using System.Runtime.InteropServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>What a device spends on packets that came too early, for all of its QPs together.</summary>
internal sealed class ReorderBudget
{
    /// <summary>Bytes per QP at most, bookkeeping included.</summary>
    public const long BytesPerQueuePairMax = 1 << 20;

    /// <summary>Bytes that may be held in all; 0 keeps nothing.</summary>
    public long LimitBytes { get; set; } = 8 << 20;

    /// <summary>Bytes held now.</summary>
    public long HeldBytes { get; private set; }

    public bool TryTake(long bytes)
    {
        if (HeldBytes + bytes > LimitBytes)
        {
            return false;
        }

        HeldBytes += bytes;
        return true;
    }

    public void Return(long bytes) => HeldBytes -= bytes;
}

/// <summary>A packet kept with a copy of its payload, which follows it in memory.</summary>
internal unsafe struct KeptPacket
{
    public Packet Packet;
    public PacketTraits Traits;
    public MemorySegment Payload;
}

/// <summary>
/// Request packets beyond a hole, copied, until the hole is filled: a ring indexed by PSN, in native memory that is given back when it
/// is empty. A QP that misses nothing has none.
/// </summary>
internal sealed unsafe class ReorderBuffer
{
    /// <summary>PSNs beyond the expected one that are kept at most.</summary>
    public const int ReachMax = 8192;

    private const int CapacityLeast = 128;

    private readonly ReorderBudget _budget;
    private KeptPacket** _ring;
    private int _capacity;
    private long _heldBytes;
    private Psn _from;

    public ReorderBuffer(ReorderBudget budget) => _budget = budget;

    /// <summary>Packets kept.</summary>
    public int Count { get; private set; }

    /// <summary>Keeps a copy of a packet that is <paramref name="distance"/> PSNs beyond the one expected. False when there is no room.</summary>
    public bool TryKeep(in Packet packet, PacketTraits traits, Psn expected, int distance)
    {
        if (distance >= ReachMax || !TryReach(distance, expected))
        {
            return false;
        }

        long bytes = sizeof(KeptPacket) + packet.PayloadBytes;
        if (_heldBytes + bytes > ReorderBudget.BytesPerQueuePairMax || !_budget.TryTake(bytes))
        {
            FreeWhenEmpty();
            return false;
        }

        _heldBytes += bytes;
        Count++;
        At(packet.Psn) = Copy(packet, traits, (nuint)bytes);
        return true;
    }

    /// <summary>True when a packet of this PSN is kept.</summary>
    public bool Has(Psn psn) =>
        Count > 0 && (uint)psn.DistanceFrom(_from) < (uint)_capacity && At(psn) != null;

    /// <summary>
    /// Takes out the packet whose turn has come; what lies before it is dropped. Null when it is not there. To be given back with
    /// <see cref="Release"/>.
    /// </summary>
    public KeptPacket* Take(Psn expected)
    {
        DropBefore(expected);
        if (Count == 0)
        {
            return null;
        }

        KeptPacket* kept = At(expected);
        if (kept != null)
        {
            Remove(expected, kept);
        }

        return kept;
    }

    /// <summary>Gives back what <see cref="Take"/> gave out.</summary>
    public void Release(KeptPacket* kept)
    {
        NativeMemory.Free(kept);
        FreeWhenEmpty();
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        for (int i = 0; Count > 0; i++)
        {
            KeptPacket* kept = _ring[i];
            if (kept != null)
            {
                Remove(kept->Packet.Psn, kept);
                NativeMemory.Free(kept);
            }
        }

        FreeWhenEmpty();
    }

    private static KeptPacket* Copy(in Packet packet, PacketTraits traits, nuint bytes)
    {
        var kept = (KeptPacket*)NativeMemory.Alloc(bytes);
        byte* at = (byte*)(kept + 1);
        kept->Payload = new MemorySegment(at, packet.PayloadBytes);
        kept->Traits = traits;
        kept->Packet = packet;
        kept->Packet.Segments = &kept->Payload;
        kept->Packet.SegmentCount = packet.PayloadBytes == 0 ? 0 : 1;
        var payload = new PayloadReader(packet, 0);
        payload.CopyTo(at, packet.PayloadBytes);
        return kept;
    }

    private ref KeptPacket* At(Psn psn) => ref _ring[psn.Value & (uint)(_capacity - 1)];

    private void DropBefore(Psn expected)
    {
        int passed = Math.Min(expected.DistanceFrom(_from), _capacity);
        for (int i = 0; i < passed && Count > 0; i++)
        {
            KeptPacket* kept = At(_from + i);
            if (kept != null)
            {
                Remove(_from + i, kept);
                NativeMemory.Free(kept);
            }
        }

        _from = expected;
        FreeWhenEmpty();
    }

    private void Remove(Psn psn, KeptPacket* kept)
    {
        long bytes = sizeof(KeptPacket) + kept->Packet.PayloadBytes;
        At(psn) = null;
        Count--;
        _heldBytes -= bytes;
        _budget.Return(bytes);
    }

    /// <summary>Makes the ring long enough.</summary>
    private bool TryReach(int distance, Psn expected)
    {
        if (Count == 0)
        {
            _from = expected;
        }

        if (distance < _capacity)
        {
            return true;
        }

        int capacity = Math.Max(CapacityLeast, _capacity);
        while (capacity <= distance)
        {
            capacity *= 2;
        }

        long bytes = (long)(capacity - _capacity) * sizeof(KeptPacket*);
        if (_heldBytes + bytes > ReorderBudget.BytesPerQueuePairMax || !_budget.TryTake(bytes))
        {
            return false;
        }

        _heldBytes += bytes;
        var ring = (KeptPacket**)NativeMemory.AllocZeroed((nuint)capacity, (nuint)sizeof(KeptPacket*));
        for (int i = 0; i < _capacity; i++)
        {
            if (_ring[i] != null)
            {
                ring[_ring[i]->Packet.Psn.Value & (uint)(capacity - 1)] = _ring[i];
            }
        }

        NativeMemory.Free(_ring);
        _ring = ring;
        _capacity = capacity;
        return true;
    }

    private void FreeWhenEmpty()
    {
        if (Count == 0 && _ring != null)
        {
            NativeMemory.Free(_ring);
            _ring = null;
            _budget.Return(_heldBytes);
            _heldBytes = 0;
            _capacity = 0;
        }
    }
}
