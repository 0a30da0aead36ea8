using System.Runtime.InteropServices;
using RoceEngine.Abi;

namespace Device.Tests;

public sealed unsafe class DoorbellBitmapTests : IDisposable
{
    private readonly byte* _region = (byte*)NativeMemory.AlignedAlloc(ControlRegion.Bytes, 4096);

    public DoorbellBitmapTests() => NativeMemory.Clear(_region, ControlRegion.Bytes);

    public void Dispose() => NativeMemory.AlignedFree(_region);

    [Theory]
    [InlineData(0u)]
    [InlineData(63u)]
    [InlineData(64u)]
    [InlineData(4095u)]
    [InlineData(4096u)]
    [InlineData(32767u)]
    public void A_handle_rung_is_handed_out_once(uint handle)
    {
        DoorbellBitmap bitmap = DoorbellBitmap.ForSends(_region);
        var harvester = new DoorbellHarvester(bitmap);
        Assert.False(harvester.HasWork);
        bitmap.Set(handle);
        bitmap.Set(handle);
        Assert.True(harvester.HasWork);
        Assert.True(harvester.TryNext(out uint found));
        Assert.Equal(handle, found);
        Assert.False(harvester.TryNext(out _));
        Assert.False(harvester.HasWork);
    }

    [Fact]
    public void Send_and_receive_doorbells_do_not_meet()
    {
        DoorbellBitmap.ForReceives(_region).Set(77);
        Assert.False(DoorbellBitmap.ForSends(_region).IsAnySet());
        Assert.True(DoorbellBitmap.ForReceives(_region).IsAnySet());
    }

    [Theory]
    [InlineData(5u)]
    [InlineData(7u)]
    [InlineData(64u)]
    public void A_handle_withdrawn_is_not_handed_out_whether_taken_or_not(uint gone)
    {
        DoorbellBitmap bitmap = DoorbellBitmap.ForSends(_region);
        var harvester = new DoorbellHarvester(bitmap);
        uint[] rung = [3, 5, 7, 64];
        Array.ForEach(rung, bitmap.Set);
        Assert.True(harvester.TryNext(out uint first)); // Which takes the whole word.
        harvester.Withdraw(gone);
        List<uint> handed = [first];
        while (harvester.TryNext(out uint handle))
        {
            handed.Add(handle);
        }

        Assert.Equal(rung.Where(handle => handle != gone), handed);
    }

    [Fact]
    public void A_bounded_turn_loses_nothing()
    {
        DoorbellBitmap bitmap = DoorbellBitmap.ForSends(_region);
        var harvester = new DoorbellHarvester(bitmap);
        for (uint handle = 0; handle < ControlRegion.HandlesMax; handle++)
        {
            bitmap.Set(handle);
        }

        var seen = new HashSet<uint>();
        while (harvester.TryNext(out uint handle))
        {
            Assert.True(seen.Add(handle));
        }

        Assert.Equal(ControlRegion.HandlesMax, seen.Count);
    }

    /// <summary>Each ring of a handle that follows a ticket written is seen by a later harvest: nothing is lost between the two levels.</summary>
    [Fact]
    public void Rings_from_several_threads_are_never_lost()
    {
        const int Threads = 3;
        const int RingsPerThread = 20_000;
        DoorbellBitmap bitmap = DoorbellBitmap.ForSends(_region);
        var harvester = new DoorbellHarvester(bitmap);
        var tickets = new int[ControlRegion.HandlesMax];
        var seen = new int[ControlRegion.HandlesMax];
        int running = Threads;
        Thread[] ringers = [.. Enumerable.Range(0, Threads).Select(thread => new Thread(() =>
        {
            var random = new Random(thread);
            for (int i = 0; i < RingsPerThread; i++)
            {
                int handle = random.Next(256) * 128;
                Interlocked.Increment(ref tickets[handle]);
                bitmap.Set((uint)handle);
            }

            Interlocked.Decrement(ref running);
        }))];
        Array.ForEach(ringers, ringer => ringer.Start());

        bool finished;
        do
        {
            finished = Volatile.Read(ref running) == 0;
            while (harvester.TryNext(out uint handle))
            {
                seen[handle] = Volatile.Read(ref tickets[handle]);
            }
        }
        while (!finished);

        Array.ForEach(ringers, ringer => ringer.Join());
        Assert.Equal(tickets, seen);
    }
}
