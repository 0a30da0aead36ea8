using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using RoceEngine.Abi;

namespace RoceEngine.Benchmarks;

/// <summary>What a guest and its device do per entry of a shared ring, and per doorbell. One thread, so without cache misses.</summary>
[MemoryDiagnoser]
public unsafe class RingBenchmarks : IDisposable
{
    private const uint Slots = 128;
    private const int EntryBytes = 64;
    private const int RingBytes = (int)Slots * EntryBytes;
    private const int AlignmentBytes = 4096;

    private byte* _memory;
    private PvrdmaRing* _ring;
    private byte* _entries;
    private uint _producer;
    private uint _consumer;
    private uint _handle;
    private DoorbellBitmap _bitmap;
    private DoorbellHarvester _harvester;

    [GlobalSetup]
    public void Setup()
    {
        const int bitmapBytes = (DoorbellBitmap.SummaryWordCount + DoorbellBitmap.WordCount) * sizeof(ulong);
        int bytes = AlignmentBytes + RingBytes + AlignmentBytes + bitmapBytes;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, AlignmentBytes);
        new Span<byte>(_memory, bytes).Clear();
        _ring = (PvrdmaRing*)_memory;
        _entries = _memory + AlignmentBytes;
        var summary = (ulong*)(_entries + RingBytes + AlignmentBytes);
        _bitmap = new DoorbellBitmap(summary, summary + DoorbellBitmap.SummaryWordCount);
        _harvester = new DoorbellHarvester(_bitmap);
    }

    /// <summary>One entry claimed, written and announced; then seen, validated, copied out and freed.</summary>
    [Benchmark]
    public ulong ClaimPublishConsume()
    {
        if (RingIndex.IsFull(_producer, PvrdmaRing.ReadConsumer(_ring), Slots))
        {
            throw new InvalidOperationException("the ring is full");
        }

        ulong* entry = (ulong*)(_entries + (RingIndex.Slot(_producer, Slots) * EntryBytes));
        for (uint i = 0; i < EntryBytes / sizeof(ulong); i++)
        {
            entry[i] = _producer + i;
        }

        _producer = RingIndex.Next(_producer, Slots);
        PvrdmaRing.PublishProducer(_ring, _producer);

        if (!RingIndex.TryUsed(PvrdmaRing.ReadProducer(_ring), _consumer, Slots, out uint used) || used != 1)
        {
            throw new InvalidOperationException("the ring does not hold the entry");
        }

        ulong sum = 0;
        ulong* taken = (ulong*)(_entries + (RingIndex.Slot(_consumer, Slots) * EntryBytes));
        for (uint i = 0; i < EntryBytes / sizeof(ulong); i++)
        {
            sum += taken[i];
        }

        _consumer = RingIndex.Next(_consumer, Slots);
        PvrdmaRing.PublishConsumer(_ring, _consumer);
        return sum;
    }

    /// <summary>A doorbell rung by its handle and harvested, among 32,768 that are silent.</summary>
    [Benchmark]
    public uint RingAndHarvest()
    {
        _handle = (_handle + 4099) & 0x7FFF;
        _bitmap.Set(_handle);
        return _harvester.TryNext(out uint handle) && handle == _handle
            ? handle
            : throw new InvalidOperationException("the doorbell was lost");
    }

    /// <summary>Looking at all the doorbells when none rang.</summary>
    [Benchmark]
    public bool HarvestNothing() => _harvester.TryNext(out _);

    [GlobalCleanup]
    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        _memory = null;
        GC.SuppressFinalize(this);
    }
}
