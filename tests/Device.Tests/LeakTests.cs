using RoceEngine.Abi;

namespace Device.Tests;

/// <summary>Tests that measure the memory of the whole process run while no other test does.</summary>
[CollectionDefinition(nameof(MeasuresMemory), DisableParallelization = true)]
public sealed class MeasuresMemory;

[Collection(nameof(MeasuresMemory))]
public sealed unsafe class LeakTests
{
    private const PvrdmaAccess ReadWrite = PvrdmaAccess.LocalWrite | PvrdmaAccess.RemoteWrite | PvrdmaAccess.RemoteRead;

    /// <summary>Failures that come as late as they can leave no object, no page and no growing memory.</summary>
    [Fact]
    public void Ten_thousand_failed_creations_leak_nothing()
    {
        using var guest = new TestGuest(new GuestOptions { Creator = Refuse });
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue();
        PvrdmaCreateQp pair = new GuestQueuePair(guest, domain, queue, queue).Request;
        PvrdmaCreateMr region = new GuestRegion(guest, domain, 64 * 4096, 0, ReadWrite).Request;
        *(ulong*)guest.Memory.At(*(ulong*)guest.Memory.At(region.DirectoryAddress) + (63 * 8)) = ulong.MaxValue;
        PvrdmaCreateCq cq = new GuestCompletionQueue(guest, 1024).Request;
        *(ulong*)guest.Memory.At(*(ulong*)guest.Memory.At(cq.DirectoryAddress) + 8) = 1;
        long pinned = guest.Device.PinnedPages;
        long memory = 0;
        for (int i = 0; i < 10_000; i++)
        {
            Assert.Equal(PvrdmaCommandError.NotSupported, guest.Command(PvrdmaCommand.CreateQp, pair));
            Assert.Equal(PvrdmaCommandError.BadAddress, guest.Command(PvrdmaCommand.CreateMr, region));
            Assert.Equal(PvrdmaCommandError.BadAddress, guest.Command(PvrdmaCommand.CreateCq, cq));
            if (i == 1000)
            {
                memory = GC.GetTotalMemory(forceFullCollection: true);
            }
        }

        Assert.Equal((0, 1, 0, 1, pinned), (guest.Device.QueuePairCount, guest.Device.CompletionQueueCount, guest.Device.MemoryRegionCount,
            guest.Device.ProtectionDomainCount, guest.Device.PinnedPages));
        Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyCq, queue.Handle));
        Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyPd, domain));

        // 27,000 leaked objects of any kind would be megabytes. The handle table, which reuses handles last, grows to its limit and no further.
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - memory, long.MinValue, 1_000_000);

        static bool Refuse(
            RoceEngine.Protocol.IQueuePairHost host,
            in RoceEngine.Protocol.QueuePairConfig config,
            RoceEngine.Protocol.ProtocolResources resources,
            out RoceEngine.Protocol.QueuePair? queuePair)
        {
            queuePair = null;
            return false;
        }
    }

    /// <summary>Every object of the extension comes and goes, used in between and refused in between; at the end nothing is left of it.</summary>
    [Fact]
    public void Ten_thousand_lives_of_each_object_leak_nothing()
    {
        using var world = new KeyWorld(scattered: true);
        TestGuest guest = world.Guest;
        GuestRegion region = guest.CreateRegion(world.Domain, 4 * 4096, PvrdmaAccess.LocalWrite | PvrdmaAccess.WindowBind);
        var shared = new GuestSharedReceiveQueue(guest, world.Domain, workRequests: 256);
        PvrdmaCreateSrq good = shared.Request;
        ulong broken = guest.Memory.AllocatePage();
        var fast = new PvrdmaCreateMr { PdHandle = world.Domain, Flags = PvrdmaMrFlags.FastRegister, PageCount = 4 };
        ulong directory = guest.Memory.Directory(guest.Memory.AllocatePages(4));
        var datagrams = world.CreateQueuePair(type: PvrdmaQpType.Ud);
        long pinned = guest.Device.PinnedPages;
        long memory = 0;
        for (int i = 0; i < 10_000; i++)
        {
            (uint window, uint key) = world.CreateWindow((uint)(i % 2) + 1);
            Assert.Equal(RoceEngine.Protocol.CompletionStatus.Success, KeyWorld.Bind(world.Qp, key, region, 0, 8, PvrdmaAccess.RemoteRead));
            Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyMw, window));

            shared.Request = good with { DirectoryAddress = broken };
            Assert.Equal(PvrdmaCommandError.BadAddress, CreateWithBadTable(guest, shared, broken));
            shared.Request = good;
            Assert.Equal(PvrdmaCommandError.None, shared.Create());
            Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroySrq, shared.Handle));

            guest.Command(PvrdmaCommand.CreateMr, fast, out PvrdmaCreateMrResponse created);
            Assert.Equal(RoceEngine.Protocol.CompletionStatus.Success, Register(world, created.RemoteKey, directory));
            Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyMr, created.MrHandle));

            var group = new PvrdmaMulticast { QpHandle = datagrams.Guest.Handle };
            group.Group[0] = 0xFF;
            group.Group[15] = (byte)i;
            Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.AttachMulticast, group));
            Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.DetachMulticast, group));
            if (i == 1000)
            {
                memory = GC.GetTotalMemory(forceFullCollection: true);
            }
        }

        Assert.Equal((0, 1, 0, 0, pinned), (guest.Device.MemoryWindowCount, guest.Device.MemoryRegionCount, guest.Device.SharedReceiveQueueCount,
            guest.Device.MulticastGroupCount, guest.Device.PinnedPages));
        Assert.Equal(PvrdmaCommandError.None, guest.Destroy(PvrdmaCommand.DestroyMr, region.Handle));
        Assert.Empty(guest.Environment.Groups);

        // Leaked objects would be megabytes. The handle tables, which reuse handles last, grow to their limits and no further.
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - memory, long.MinValue, 1_500_000);
    }

    private static PvrdmaCommandError CreateWithBadTable(TestGuest guest, GuestSharedReceiveQueue shared, ulong directory)
    {
        *(ulong*)guest.Memory.At(directory) = ulong.MaxValue & ~7ul;
        return shared.Create();
    }

    private static RoceEngine.Protocol.CompletionStatus Register(KeyWorld world, uint key, ulong directory) =>
        KeyWorld.Execute(world.Qp, new PvrdmaSendWqe
        {
            Opcode = (uint)PvrdmaWrOpcode.FastRegisterMr,
            FastRegisterDirectoryAddress = directory,
            FastRegisterPageShift = 12,
            FastRegisterPageCount = 4,
            FastRegisterLength = 4096,
            FastRegisterAccess = (uint)PvrdmaAccess.RemoteRead,
            FastRegisterRemoteKey = key,
        });
}
