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
}
