using System.Diagnostics;
using System.Globalization;
using RoceEngine.Abi;
using RoceEngine.Device;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Device.Tests;

/// <summary>Whole devices saved in the middle of their work: loaded again, loaded after they were spoiled, and how large they are.</summary>
public sealed unsafe class DeviceStateTests(ITestOutputHelper output)
{
    private const int SpoiledPerState = 150;

    public static TheoryData<int, bool> Worlds => new() { { 1, false }, { 2, true }, { 3, false }, { 4, true }, { 5, false }, { 6, true } };

    [Theory]
    [MemberData(nameof(Worlds))]
    public void What_is_loaded_saves_as_the_same_bytes(int seed, bool scattered)
    {
        using var busy = new BusyPair(seed, scattered, loss: 0.1);
        for (int step = 1; step <= 200; step++)
        {
            busy.Step();
            Disturb(busy, step);
            if (step % 10 == 0)
            {
                AssertSavesAlike(busy.Pair.A);
                AssertSavesAlike(busy.Pair.B);
            }
        }
    }

    /// <summary>The device, and only the device: nothing that it is saved with changes by that.</summary>
    [Fact]
    public void Saving_changes_nothing()
    {
        using var busy = new BusyPair(9, loss: 0.1);
        for (int step = 0; step < 100; step++)
        {
            busy.Step();
        }

        TestGuest guest = busy.Pair.A;
        byte[] first = guest.Device.SaveState(guest.NowNs).ToArray();
        byte[] memory = new ReadOnlySpan<byte>(guest.Memory.Start, (int)guest.Memory.Bytes).ToArray();
        Assert.Equal(first, guest.Device.SaveState(guest.NowNs).ToArray());
        Assert.True(new ReadOnlySpan<byte>(guest.Memory.Start, memory.Length).SequenceEqual(memory));
    }

    /// <summary>As <see cref="HostileRingTests.Posting_and_then_destroying_the_queue_pair_at_once_is_no_fault"/> has it for one that was always here.</summary>
    [Fact]
    public void A_device_that_came_from_elsewhere_forgets_the_rings_of_a_destroyed_queue_pair_too()
    {
        using var guest = new TestGuest(new GuestOptions { Extension = ExtensionBits.DoorbellBitmap });
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue();
        GuestQueuePair qp = guest.CreateQueuePair(domain, queue, queue);
        byte[] state = guest.Device.SaveState(guest.NowNs).ToArray();
        guest.Device.Retire();
        using var device = VrdmaDevice.FromState(guest.Device.Options, guest.Memory.Ram, new TestEnvironment(), guest.Control, state, guest.NowNs);
        device.Resume(guest.NowNs);

        guest.RingReceive(qp);
        guest.RingSend(qp);
        *(PvrdmaHandleCommand*)guest.Memory.At(guest.CommandSlot) = new PvrdmaHandleCommand
        {
            Header = { Command = (uint)PvrdmaCommand.DestroyQp }, Handle = qp.Handle,
        };
        device.WriteRegister(PvrdmaRegister.Request, 0, guest.NowNs);
        Assert.Empty(device.ListQueuePairs());
        _ = device.HarvestDoorbells(256, guest.NowNs);
        Assert.Equal(0ul, device.Statistics.ByFault[(int)GuestFault.Doorbell]);
    }

    /// <summary>DEVICE_STATES is how many spoiled ones of each; a failure names its seed.</summary>
    [Theory]
    [MemberData(nameof(Worlds))]
    public void What_was_spoiled_or_cut_off_is_refused_or_does_no_harm(int seed, bool scattered)
    {
        using var busy = new BusyPair(seed, scattered, loss: 0.1);
        for (int step = 1; step <= 150; step++)
        {
            busy.Step();
            Disturb(busy, step);
        }

        int count = int.TryParse(Environment.GetEnvironmentVariable("DEVICE_STATES"), CultureInfo.InvariantCulture, out int more) ? more : SpoiledPerState;
        TestGuest guest = seed % 2 == 0 ? busy.Pair.A : busy.Pair.B;
        byte[] state = guest.Device.SaveState(guest.NowNs).ToArray();
        using var twin = new DeviceTwin(guest);
        int refused = 0;
        for (int i = 0; i < count; i++)
        {
            int spoiledBy = (seed * 1_000_000) + i;
            var random = new Random(spoiledBy);
            byte[] spoiled = i % 5 == 0 ? state[..random.Next(state.Length)] : Spoil(state, random);
            try
            {
                refused += twin.TryLive(spoiled, random) ? 0 : 1;
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"seed {seed}, spoiled by {spoiledBy}: {failure}", failure);
            }
        }

        Assert.InRange(refused, count / 4, count);
    }

    /// <summary>A state that names more pages than a host allows is refused before the host makes room for them.</summary>
    [Fact]
    public void Pages_beyond_the_quota_cost_nothing()
    {
        const int regionPages = 100_000;
        using var guest = new TestGuest(new GuestOptions { Pages = regionPages + 2_000, Limits = new DeviceLimits { PinnedPages = 100L * regionPages } });
        uint domain = guest.CreateDomain();
        ulong[] pages = [.. Enumerable.Range(0, regionPages).Select(page => (ulong)(page == 0 ? 5 : page) * PvrdmaPageDirectory.PageBytes)];
        var request = new PvrdmaCreateMr
        {
            Start = 0, Length = (ulong)regionPages * PvrdmaPageDirectory.PageBytes, DirectoryAddress = guest.Memory.Directory(pages), PdHandle = domain,
            PageCount = regionPages, Access = (uint)PvrdmaAccess.LocalWrite,
        };
        for (int i = 0; i < 40; i++)
        {
            Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.CreateMr, request));
        }

        byte[] state = guest.Device.SaveState(guest.NowNs).ToArray();
        DeviceOptions options = guest.Device.Options with { Limits = new DeviceLimits { PinnedPages = regionPages + 10_000 } };
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<StateException>(() => VrdmaDevice.FromState(options, guest.Memory.Ram, new TestEnvironment(), null, state, guest.NowNs));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4L << 20);
    }

    /// <summary>Memory of the guest's process stays there: a device that has any is neither saved nor moved, and goes on.</summary>
    [Fact]
    public void A_device_with_memory_of_its_process_is_not_saved()
    {
        using var guest = new TestGuest(new GuestOptions { SharesProcess = true, Extension = ExtensionBits.ProcessMemory });
        byte* memory = stackalloc byte[64];
        var request = new PvrdmaCreateMr
        {
            Start = 0x1000, Length = 64, DirectoryAddress = (ulong)memory, PdHandle = guest.CreateDomain(), Flags = PvrdmaMrFlags.ProcessMemory,
            Access = (uint)PvrdmaAccess.LocalWrite,
        };
        Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.CreateMr, request));
        StateException refusal = Assert.Throws<StateException>(() => guest.Device.SaveState(guest.NowNs));
        Assert.Contains("registered memory of its own process", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.CreateMr, request));
    }

    [Fact]
    public void A_guest_in_another_process_names_no_memory_of_the_devices()
    {
        using var guest = new TestGuest(new GuestOptions { Extension = ExtensionBits.Inline });
        byte* memory = stackalloc byte[64];
        var request = new PvrdmaCreateMr
        {
            Length = 64, DirectoryAddress = (ulong)memory, PdHandle = guest.CreateDomain(), Flags = PvrdmaMrFlags.ProcessMemory,
        };
        Assert.Equal(PvrdmaCommandError.InvalidArgument, guest.Command(PvrdmaCommand.CreateMr, request));
    }

    /// <summary>Numbers that come from a CSPRNG fall apart; those that somebody chose could fall on one heap, and cost their neighbours' time.</summary>
    [Fact]
    public void Numbers_that_were_chosen_to_collide_are_refused()
    {
        var table = new NumberTable<object>(SystemRandom, bits: 24, reservedBelow: 1);
        long start = Stopwatch.GetTimestamp();
        int taken = 0;
        while (taken < 60_000 && table.TryPut((uint)((taken / 64) + 1 + ((taken % 64) << 18)), table))
        {
            taken++;
        }

        Assert.InRange(taken, 64, 20_000);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 20);
        var random = new NumberTable<object>(SystemRandom, bits: 24, reservedBelow: 1);
        var generator = new Random(5);
        for (int i = 0; i < 130_000; i++)
        {
            uint number = (uint)generator.Next(1, 1 << 24);
            Assert.True(random.TryPut(number, random) || random.Find(number) is not null, $"random number {i} was refused");
        }
    }

    /// <summary>A device that was about to move and stays joins no group a second time; one that was refused leaves none that it never joined.</summary>
    [Fact]
    public void Groups_are_joined_once_and_left_once()
    {
        using var busy = new BusyPair(3);
        TestGuest guest = busy.Pair.A;
        Assert.Single(guest.Environment.Groups);
        guest.Device.Quiesce();
        guest.Device.Resume(guest.NowNs);
        Assert.Single(guest.Environment.Groups);

        byte[] state = guest.Device.SaveState(guest.NowNs).ToArray();
        using var twin = new DeviceTwin(guest);
        Assert.Throws<StateException>(() => twin.Load(state[..^1]));
        VrdmaDevice loaded = twin.Load(state);
        Assert.Empty(twin.Environment.Groups);
        loaded.Resume(guest.NowNs);
        Assert.Single(twin.Environment.Groups);
        loaded.Dispose();
        Assert.Empty(twin.Environment.Groups);
    }

    /// <summary>Told, and bounded widely: the state grows with the queue pairs, not faster.</summary>
    [Fact]
    public void The_state_grows_in_proportion_to_the_queue_pairs()
    {
        foreach (int count in new[] { 1, 64, 1024, 4096 })
        {
            using var guest = new TestGuest(new GuestOptions { Pages = 4096 * 12, Extension = BusyPair.AllBits });
            uint domain = guest.CreateDomain();
            GuestCompletionQueue queue = guest.CreateCompletionQueue();
            for (int i = 0; i < count; i++)
            {
                GuestQueuePair qp = guest.CreateQueuePair(domain, queue, queue);
                qp.ToInit();
                qp.ToReadyToReceive(Gid.FromIPv4(0x0A000002), 0x1000);
                qp.ToReadyToSend();
            }

            double saveMs = double.MaxValue;
            double loadMs = double.MaxValue;
            byte[] state = [];
            for (int round = 0; round < 5; round++)
            {
                long start = Stopwatch.GetTimestamp();
                ReadOnlyMemory<byte> saved = guest.Device.SaveState(guest.NowNs);
                saveMs = Math.Min(saveMs, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                state = saved.ToArray();
                start = Stopwatch.GetTimestamp();
                VrdmaDevice twin = VrdmaDevice.FromState(guest.Device.Options, guest.Memory.Ram, new TestEnvironment(), guest.Control, state, guest.NowNs);
                loadMs = Math.Min(loadMs, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                twin.Retire();
            }

            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{count,5} QPs: {state.Length,9} bytes, saved in {saveMs,8:F3} ms, loaded in {loadMs,8:F3} ms"));
            Assert.InRange(state.Length, 100 * count, 5_000 + (1_000 * count));
            Assert.InRange(saveMs, 0, 500 + count);
            Assert.InRange(loadMs, 0, 500 + count);
        }
    }

    private static IRandomSource SystemRandom => new DeviceOptions { Name = "any", Gid = Gid.FromIPv4(1) }.Random;

    private static void Disturb(BusyPair busy, int step)
    {
        if (step == 60)
        {
            busy.Resize();
        }

        if (step == 100)
        {
            busy.Drain();
        }

        if (step == 140)
        {
            busy.Break();
        }
    }

    private static void AssertSavesAlike(TestGuest guest)
    {
        byte[] state = guest.Device.SaveState(guest.NowNs).ToArray();
        using var twin = new DeviceTwin(guest);
        VrdmaDevice loaded = twin.Load(state);
        Assert.Equal(state, loaded.SaveState(guest.NowNs).ToArray());
        loaded.Retire();
    }

    private static byte[] Spoil(byte[] state, Random random)
    {
        uint[] hostile = [0, 1, 2, 0x40, 0xFF, 0x1000, 0xFFFF, 0x3_FFFF, 0x4_0000, 0xFF_FFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, uint.MaxValue];
        byte[] spoiled = [.. state];
        for (int i = random.Next(1, 5); i > 0; i--)
        {
            int at = random.Next(spoiled.Length - 8);
            switch (random.Next(6))
            {
                case 0:
                    spoiled[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    spoiled[at] = (byte)random.Next(256);
                    break;
                case 2:
                    BitConverter.TryWriteBytes(spoiled.AsSpan(at), hostile[random.Next(hostile.Length)]);
                    break;
                case 3:
                    BitConverter.TryWriteBytes(spoiled.AsSpan(at), BitConverter.ToUInt32(spoiled, at) + (uint)random.Next(-2, 3));
                    break;
                case 4:
                    state.AsSpan(random.Next(state.Length - 8), 4).CopyTo(spoiled.AsSpan(at));
                    break;
                default:
                    int bytes = random.Next(1, Math.Min(100, spoiled.Length - at));
                    spoiled = random.Next(2) == 0 ? [.. spoiled[..at], .. spoiled[(at + bytes)..]] : [.. spoiled[..(at + bytes)], .. spoiled[at..]];
                    break;
            }
        }

        return spoiled;
    }
}
