using RoceEngine.Abi;

namespace Device.Tests;

/// <summary>The log of what the device writes: nothing that it changed may be missing, or a guest that moved would see old bytes.</summary>
public sealed unsafe class DirtyLogTests
{
    public static TheoryData<int, bool, bool> Worlds => new()
    {
        { 1, false, false },
        { 2, true, false },
        { 3, false, true },
        { 4, true, true },
    };

    [Theory]
    [MemberData(nameof(Worlds))]
    public void Every_page_that_the_device_changes_is_in_the_log(int seed, bool scattered, bool isLocal)
    {
        using var busy = new BusyPair(seed, scattered, loss: 0.02, pages: 512, isLocal);
        TestGuest[] guests = [busy.Pair.A, busy.Pair.B];
        ShadowMemory[] shadows = [.. guests.Select(guest => new ShadowMemory(guest))];
        var logged = new SortedSet<int>[] { [], [] };
        Array.ForEach(guests, guest => guest.Device.StartDirtyLog());
        for (int step = 0; step < 600; step++)
        {
            busy.Step();
            if (step == 200)
            {
                busy.CompletionsOfA.Arm(solicited: false);
                busy.Resize();
            }

            if (step == 500)
            {
                busy.Break();
            }

            if (step % 150 == 149)
            {
                Collect(guests[0].Device.TakeDirtyPages(), logged[0]);
                Collect(guests[1].Device.TakeDirtyPages(), logged[1]);
            }
        }

        for (int i = 0; i < guests.Length; i++)
        {
            TestGuest guest = guests[i];
            SortedSet<int> log = logged[i];
            guest.Call(() => Collect(guest.Device.TakeLastDirtyPages(), log));

            // The control region stands beside guest memory in earnest, and is copied as a whole.
            int control = (int)((guest.Control - guest.Memory.Start) / PvrdmaPageDirectory.PageBytes);
            shadows[i].Changed.RemoveWhere(page => page >= control && page < control + (ControlRegion.Bytes / PvrdmaPageDirectory.PageBytes));
            Assert.True(shadows[i].Changed.Count > 12, $"the device changed only {shadows[i].Changed.Count} pages");
            Assert.Empty(shadows[i].Changed.Except(log));
        }
    }

    private static void Collect(ulong[] pages, SortedSet<int> into)
    {
        for (int page = 0; page < pages.Length * 64; page++)
        {
            if ((pages[page >> 6] >> (page & 63) & 1) != 0)
            {
                into.Add(page);
            }
        }
    }

    /// <summary>What was taken once is not told again, unless it was written again.</summary>
    [Fact]
    public void A_log_that_was_taken_begins_anew()
    {
        using var busy = new BusyPair(7);
        busy.Pair.A.Device.StartDirtyLog();
        for (int step = 0; step < 200; step++)
        {
            busy.Step();
        }

        Assert.Contains(busy.Pair.A.Device.TakeDirtyPages(), word => word != 0);
        Assert.DoesNotContain(busy.Pair.A.Device.TakeDirtyPages(), word => word != 0);
        busy.Pair.A.Device.StopDirtyLog();
        Assert.False(busy.Pair.A.Device.KeepsDirtyLog);
    }

    /// <summary>A guest that puts its shared region at the very end of its memory, over the edge of a page, harms nobody.</summary>
    [Fact]
    public void The_end_of_guest_memory_is_the_end_of_the_log()
    {
        using var guest = new TestGuest(new GuestOptions { Pages = 256 }, bringUp: false);
        ulong last = (ulong)guest.Memory.Bytes - (ulong)((sizeof(PvrdmaDeviceSharedRegion) + 7) & ~7);
        *(PvrdmaDeviceSharedRegion*)guest.Memory.At(last) = *guest.SharedRegion;
        guest.WriteRegion(last);
        Assert.Equal(0u, guest.Error);
        guest.Device.StartDirtyLog();
        Assert.NotEqual(0ul, guest.Device.TakeLastDirtyPages()[^1] >> 63);
    }
}
