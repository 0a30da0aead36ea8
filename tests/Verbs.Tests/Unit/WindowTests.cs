using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

public sealed class WindowTests
{
    private const AccessFlags Bindable = AccessFlags.LocalWrite | AccessFlags.WindowBind;

    [Fact]
    public void A_bind_is_laid_out_as_the_abi_says_and_counts_the_key_on()
    {
        using var bench = new FakeBench();
        using GuestMemory memory = bench.Context.AllocateMemory(8192);
        using MemoryRegion region = bench.Domain.RegisterMemory(memory, Bindable);
        using MemoryWindow window = bench.Domain.AllocateMemoryWindow(MemoryWindowType.Type1);
        uint first = window.RemoteKey;
        Assert.Equal(0xFEu, first & 0xFF);
        var bind = new WindowBind
        {
            Region = region, Address = region.Address + 100, Length = 200, Access = AccessFlags.RemoteRead | AccessFlags.RemoteWrite,
        };
        uint key = bench.QueuePair.PostBindWindow(window, bind, 42, SendFlags.Signaled | SendFlags.Fence);
        Assert.Equal((first + 1, first + 1), (key, window.RemoteKey));
        PvrdmaSendWqe wqe = bench.FakeQueuePair.TakeSend(out _);
        Assert.Equal((42ul, (uint)PvrdmaWrOpcode.BindMemoryWindow, 3u, 0u), (wqe.WorkRequestId, wqe.Opcode, wqe.Flags, wqe.SgeCount));
        Assert.Equal((region.Address + 100, 200ul, region.LocalKey, 6u, key), (wqe.BindAddress, wqe.BindLength, wqe.BindRegionKey, wqe.BindAccess, wqe.BindKey));

        // The tag wraps within its eight bits; or it is the caller's.
        Assert.Equal(first & ~0xFFu, bench.QueuePair.PostBindWindow(window, bind));
        Assert.Equal((first & ~0xFFu) | 0x77, bench.QueuePair.PostBindWindow(window, bind with { Tag = 0x77 }));
        _ = bench.FakeQueuePair.TakeSend(out _);
        _ = bench.FakeQueuePair.TakeSend(out _);
        bench.QueuePair.PostBindWindow(window, default);
        wqe = bench.FakeQueuePair.TakeSend(out _);
        Assert.Equal((0ul, 0u), (wqe.BindLength, wqe.BindRegionKey));
    }

    [Fact]
    public void A_refused_bind_leaves_the_key_as_it_was()
    {
        using var bench = new FakeBench(depth: 8);
        using GuestMemory memory = bench.Context.AllocateMemory(8192);
        using MemoryRegion region = bench.Domain.RegisterMemory(memory, Bindable);
        using ProtectionDomain other = bench.Context.AllocateProtectionDomain();
        using MemoryRegion foreign = other.RegisterMemory(memory, Bindable);
        using MemoryWindow window = bench.Domain.AllocateMemoryWindow(MemoryWindowType.Type2);
        uint key = window.RemoteKey;
        QueuePair datagrams = bench.CreateDatagramQueuePair();
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.QueuePair.PostBindWindow(window, new WindowBind { Length = 1 })).Errno);
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => datagrams.PostBindWindow(window, new WindowBind { Region = region })).Errno);
        Assert.Equal(Errno.NotPermitted, Assert.Throws<VerbsException>(() => bench.QueuePair.PostBindWindow(window, new WindowBind { Region = foreign })).Errno);
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.QueuePair.PostSend(new SendRequest { Opcode = SendOpcode.BindWindow }, [])).Errno);
        while (bench.QueuePair.TryPostSend(default, []))
        {
        }

        Assert.False(bench.QueuePair.TryPostBindWindow(window, new WindowBind { Region = region, Length = 8 }, out uint unchanged));
        Assert.Equal(Errno.NoMemory, Assert.Throws<VerbsException>(() => bench.QueuePair.PostBindWindow(window, new WindowBind { Region = region, Length = 8 })).Errno);
        Assert.Equal((key, key), (unchanged, window.RemoteKey));
        window.Dispose();
        Assert.Throws<ObjectDisposedException>(() => bench.QueuePair.PostBindWindow(window, default));
    }

    [Fact]
    public void A_device_without_windows_or_extended_verbs_says_so()
    {
        using var device = new FakeDevice();
        device.SetRegister(PvrdmaRegister.ExtensionCaps, (uint)(ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord));
        using RdmaContext context = RdmaContext.Open(device.Channel);
        ProtectionDomain domain = context.AllocateProtectionDomain();
        CompletionQueue queue = context.CreateCompletionQueue(4);
        GuestMemory memory = context.AllocateMemory(4096);
        MemoryRegion region = domain.RegisterMemory(memory, AccessFlags.LocalWrite);
        Action[] missing =
        [
            () => domain.AllocateMemoryWindow(MemoryWindowType.Type1),
            () => queue.Resize(8),
            () => region.Reregister(new Reregistration { Access = AccessFlags.None }),
        ];
        Assert.All(missing, verb => Assert.Equal(Errno.NotSupported, Assert.Throws<VerbsException>(verb).Errno));
        QueuePair queuePair = domain.CreateQueuePair(new QueuePairOptions { SendCompletionQueue = queue, ReceiveCompletionQueue = queue });
        queuePair.ToInit();
        queuePair.ToReadyToReceive(new QueuePairAddress(context.Address, 1, 1));
        queuePair.ToReadyToSend(1);
        var flush = new SendRequest { Opcode = SendOpcode.Flush, FlushOptions = FlushOptions.Global };
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => queuePair.PostSend(flush, [])).Errno);
        DeviceAttributes attributes = context.QueryDevice();
        Assert.Equal((false, false), (attributes.HasExtendedVerbs, attributes.HasUnreliableConnections));
    }

    [Fact]
    public unsafe void A_fast_registration_is_laid_out_as_the_abi_says()
    {
        using var bench = new FakeBench();
        using GuestMemory memory = bench.Context.AllocateMemory(20_000);
        FastMemoryRegion region = bench.Domain.AllocateFastRegion(4);
        PvrdmaCreateMr created = bench.Device.Regions[^1];
        Assert.Equal((PvrdmaMrFlags.FastRegister, 4u, 0u), (created.Flags, created.PageCount, created.Access));
        uint first = region.RemoteKey;
        uint key = bench.QueuePair.PostFastRegister(
            region, new FastRegistration { Memory = memory, Offset = 5_000, Bytes = 8_000, Access = AccessFlags.LocalWrite | AccessFlags.RemoteRead }, 8);
        Assert.Equal((MemoryWindow.NextKey(first), key, key), (key, region.LocalKey, region.RemoteKey));
        PvrdmaSendWqe wqe = bench.FakeQueuePair.TakeSend(out _);
        Assert.Equal((8ul, (uint)PvrdmaWrOpcode.FastRegisterMr, 2u, 0u), (wqe.WorkRequestId, wqe.Opcode, wqe.Flags, wqe.SgeCount));
        Assert.Equal((memory.Address + 5_000, 8_000u, 5u, key), (wqe.FastRegisterIova, wqe.FastRegisterLength, wqe.FastRegisterAccess, wqe.FastRegisterRemoteKey));
        Assert.Equal((12u, 3u), (wqe.FastRegisterPageShift, wqe.FastRegisterPageCount));
        long firstPage = (long)(memory.Address + 4096) - (long)bench.Device.Ram;
        Assert.Equal([firstPage, firstPage + 4096, firstPage + 8192], bench.Device.PagesOf(wqe.FastRegisterDirectoryAddress, 3));
        ScatterGatherEntry entry = region.Entry(10);
        Assert.Equal((memory.Address + 5_010, 7_990u, key), (entry.Address, entry.Length, entry.LocalKey));

        // The memory is held until another is mapped, or the region goes.
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(memory.Dispose).Errno);
        using GuestMemory second = bench.Context.AllocateMemory(4096);
        bench.QueuePair.PostFastRegister(
            region, new FastRegistration { Memory = second, Bytes = 1, Address = 0x7000_0000, Tag = 9, Access = AccessFlags.LocalWrite });
        wqe = bench.FakeQueuePair.TakeSend(out _);
        Assert.Equal((0x7000_0000ul, (first & ~0xFFu) | 9), (wqe.FastRegisterIova, wqe.FastRegisterRemoteKey));
        memory.Dispose();
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(second.Dispose).Errno);
        region.Dispose();
        second.Dispose();
    }

    [Fact]
    public void An_impossible_fast_registration_is_refused()
    {
        using var bench = new FakeBench();
        using var other = new FakeBench();
        using GuestMemory memory = bench.Context.AllocateMemory(20_000);
        using GuestMemory foreign = other.Context.AllocateMemory(4096);
        using FastMemoryRegion region = bench.Domain.AllocateFastRegion(2);
        uint key = region.RemoteKey;
        FastRegistration[] bad =
        [
            default,
            new() { Memory = foreign, Bytes = 1 },
            new() { Memory = memory, Bytes = 0 },
            new() { Memory = memory, Bytes = 20_001 },
            new() { Memory = memory, Bytes = 8_193 },
            new() { Memory = memory, Offset = 4_095, Bytes = 4_098 },
            new() { Memory = memory, Bytes = 8, Access = AccessFlags.RemoteWrite },
            new() { Memory = memory, Bytes = 8, Address = 1 },
        ];
        Assert.All(bad, one => Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.QueuePair.PostFastRegister(region, one)).Errno));
        Assert.Equal((key, 0, 0L), (region.RemoteKey, bench.FakeQueuePair.PendingSends, region.Length));
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.Domain.AllocateFastRegion(129)).Errno);
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => bench.Domain.AllocateFastRegion(0)).Errno);
        while (bench.QueuePair.TryPostSend(default, []))
        {
        }

        var good = new FastRegistration { Memory = memory, Bytes = 8 };
        Assert.Equal(Errno.NoMemory, Assert.Throws<VerbsException>(() => bench.QueuePair.PostFastRegister(region, good)).Errno);
        Assert.Equal(key, region.RemoteKey);
    }

    [Fact]
    public void A_re_registration_names_what_changes_and_takes_the_new_keys()
    {
        using var bench = new FakeBench();
        GuestMemory memory = bench.Context.AllocateMemory(8192);
        GuestMemory second = bench.Context.AllocateMemory(20_000);
        ProtectionDomain domain = bench.Context.AllocateProtectionDomain();
        MemoryRegion region = bench.Domain.RegisterMemory(memory, AccessFlags.None);
        region.Reregister(new Reregistration { Access = AccessFlags.LocalWrite });
        PvrdmaReregisterMr told = bench.Device.Reregistrations[^1];
        Assert.Equal((PvrdmaReregisterMr.ChangeAccess, 1u, 0ul), (told.Flags, told.Access, told.DirectoryAddress));
        Assert.Equal((0x7001u, 0x7002u, AccessFlags.LocalWrite), (region.LocalKey, region.RemoteKey, region.Access));

        region.Reregister(new Reregistration { ProtectionDomain = domain, Memory = second, Offset = 5_000 });
        told = bench.Device.Reregistrations[^1];
        Assert.Equal((PvrdmaReregisterMr.ChangePd | PvrdmaReregisterMr.ChangeTranslation, domain.Handle), (told.Flags, told.PdHandle));
        Assert.Equal((second.Address + 5_000, 15_000ul, 4u), (told.Start, told.Length, told.PageCount));
        Assert.Equal((second, second.Address + 5_000, 15_000L, domain), (region.Memory, region.Address, region.Length, region.ProtectionDomain));

        // Dependents moved along: the old memory and domain are free, the new ones are held.
        memory.Dispose();
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(second.Dispose).Errno);
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(domain.Dispose).Errno);
        region.Dispose();
        second.Dispose();
        domain.Dispose();
    }

    [Fact]
    public void A_refused_re_registration_changes_nothing()
    {
        using var bench = new FakeBench();
        using var other = new FakeBench();
        using GuestMemory memory = bench.Context.AllocateMemory(8192);
        using GuestMemory second = bench.Context.AllocateMemory(8192);
        using GuestMemory foreign = other.Context.AllocateMemory(8192);
        using MemoryRegion region = bench.Domain.RegisterMemory(memory, AccessFlags.LocalWrite);
        long free = bench.Context.Driver.Allocator.FreeBytes;
        bench.Device.Errors[PvrdmaCommand.ReregisterMr] = Errno.Busy;
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(() => region.Reregister(new Reregistration { Memory = second })).Errno);
        Reregistration[] bad =
        [
            new() { Memory = foreign }, new() { ProtectionDomain = other.Domain }, new() { Access = AccessFlags.RemoteWrite },
            new() { Memory = second, Offset = 8_192 }, new() { Memory = second, Bytes = 8_193 },
        ];
        Assert.All(bad, change => Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => region.Reregister(change)).Errno));
        Assert.Equal((memory, 8192L, AccessFlags.LocalWrite), (region.Memory, region.Length, region.Access));
        Assert.Equal(free, bench.Context.Driver.Allocator.FreeBytes);
        second.Dispose();
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(memory.Dispose).Errno);
    }
}
