using System.Numerics;
using RoceEngine.Abi;

namespace RoceEngine.Verbs.Internals.Restoring;

/// <summary>
/// The objects of a device as it lists them, checked: whatever the device (or a daemon that lies) says, nothing outside of guest RAM and the control region is
/// touched because of it.
/// </summary>
internal sealed class FoundObjects
{
    private const uint SlotsMax = 1 << 24;
    private const uint SgesMax = 1024;
    private const uint InlineBytesMax = 64 * 1024;

    private readonly ulong _ramBytes;

    /// <exception cref="VerbsException">EIO: something is impossible.</exception>
    public FoundObjects(DeviceDriver driver)
    {
        _ramBytes = (ulong)driver.Channel.GuestRamBytes;
        Domains = driver.ListObjects(PvrdmaObjectKind.ProtectionDomain);
        Regions = driver.ListObjects(PvrdmaObjectKind.MemoryRegion);
        CompletionQueues = driver.ListObjects(PvrdmaObjectKind.CompletionQueue);
        SharedReceiveQueues = driver.ListObjects(PvrdmaObjectKind.SharedReceiveQueue);
        QueuePairs = driver.ListObjects(PvrdmaObjectKind.QueuePair);
        Windows = driver.ListObjects(PvrdmaObjectKind.MemoryWindow);
        Regions.ForEach(CheckRegion);
        CompletionQueues.ForEach(CheckCompletionQueue);
        SharedReceiveQueues.ForEach(CheckSharedReceiveQueue);
        QueuePairs.ForEach(CheckQueuePair);
        Windows.ForEach(window => Check(window.Type is (uint)MemoryWindowType.Type1 or (uint)MemoryWindowType.Type2, "memory window", window));
    }

    public List<PvrdmaNextObjectResponse> Domains { get; }

    public List<PvrdmaNextObjectResponse> Regions { get; }

    public List<PvrdmaNextObjectResponse> CompletionQueues { get; }

    public List<PvrdmaNextObjectResponse> SharedReceiveQueues { get; }

    public List<PvrdmaNextObjectResponse> QueuePairs { get; }

    public List<PvrdmaNextObjectResponse> Windows { get; }

    /// <summary>Pages that rings are made of.</summary>
    public IEnumerable<(long Offset, long Bytes)> RingPages =>
        CompletionQueues.Concat(SharedReceiveQueues).Concat(QueuePairs).Select(ring => ((long)ring.FirstPage, ring.PageCount * GuestAllocator.PageBytes));

    private void CheckRegion(PvrdmaNextObjectResponse region)
    {
        bool isRight = (PvrdmaRegionType)region.Type switch
        {
            PvrdmaRegionType.Pages => HasPagesInRow(region) && region.Length != 0 && IsInPages(region),
            PvrdmaRegionType.FastRegister => region.PageCount is >= 1 and <= PvrdmaPageDirectory.FastRegisterPagesMax
                && (region.Length == 0 || (IsInRow(region) && IsInPages(region))),
            PvrdmaRegionType.AllMemory => true,
            _ => false,
        };
        Check(isRight, "memory region", region);
    }

    private void CheckCompletionQueue(PvrdmaNextObjectResponse queue) => Check(
        HasPagesInRow(queue) && IsSlotCount(queue.EntryCount) && queue.PageCount >= 1 + PvrdmaWqeLayout.PagesFor(queue.EntryCount, PvrdmaCqe.Length),
        "completion queue",
        queue);

    private void CheckSharedReceiveQueue(PvrdmaNextObjectResponse queue) => Check(
        HasPagesInRow(queue) && IsSlotCount(queue.EntryCount) && queue.Capabilities.MaxReceiveSge is >= 1 and <= SgesMax
            && queue.PageCount >= 1 + PvrdmaWqeLayout.PagesFor(queue.EntryCount, PvrdmaWqeLayout.ReceiveSlotBytes(queue.Capabilities.MaxReceiveSge)),
        "shared receive queue",
        queue);

    private void CheckQueuePair(PvrdmaNextObjectResponse qp)
    {
        PvrdmaQpCapabilities sizes = qp.Capabilities;
        bool isRight = HasPagesInRow(qp) && qp.Handle < ControlRegion.HandlesMax && qp.Number <= QueuePairAddress.Mask24
            && qp.State <= (uint)PvrdmaQpState.Error && qp.Type is >= (uint)PvrdmaQpType.Gsi and <= (uint)PvrdmaQpType.Ud
            && IsSlotCount(sizes.MaxSendWr) && sizes.MaxSendSge is >= 1 and <= SgesMax && sizes.MaxInlineBytes <= InlineBytesMax
            && (qp.SrqHandle != 0 ? sizes.MaxReceiveWr == 0 : IsSlotCount(sizes.MaxReceiveWr) && sizes.MaxReceiveSge is >= 1 and <= SgesMax);
        if (isRight)
        {
            ulong sends = PvrdmaWqeLayout.PagesFor(sizes.MaxSendWr, PvrdmaWqeLayout.SendSlotBytes(sizes.MaxSendSge, sizes.MaxInlineBytes));
            ulong receives = PvrdmaWqeLayout.PagesFor(sizes.MaxReceiveWr, PvrdmaWqeLayout.ReceiveSlotBytes(sizes.MaxReceiveSge));
            isRight = sends <= qp.SendPageCount && 1ul + qp.SendPageCount + receives <= qp.PageCount;
        }

        Check(isRight, "queue pair", qp);
    }

    private static bool IsSlotCount(uint slots) => BitOperations.IsPow2(slots) && slots <= SlotsMax;

    private bool HasPagesInRow(in PvrdmaNextObjectResponse found) =>
        found.PageCount != 0 && IsInRow(found) && found.PageCount <= (_ramBytes - found.FirstPage) / (ulong)GuestAllocator.PageBytes;

    private bool IsInRow(in PvrdmaNextObjectResponse found)
    {
        const ulong page = (ulong)GuestAllocator.PageBytes;
        return (found.Flags & (uint)PvrdmaObjectFlags.PagesInRow) != 0 && found.FirstPage != 0 && found.FirstPage % page == 0
            && found.FirstPage <= _ramBytes;
    }

    /// <summary>The bytes of a region lie in guest RAM from its first page on.</summary>
    private bool IsInPages(in PvrdmaNextObjectResponse region)
    {
        ulong first = region.FirstPage + (region.Start % (ulong)GuestAllocator.PageBytes);
        return first <= _ramBytes && region.Length <= _ramBytes - first;
    }

    private static void Check(bool isRight, string kind, in PvrdmaNextObjectResponse found)
    {
        if (!isRight)
        {
            throw new VerbsException(Errno.InputOutput, $"the device lists an impossible {kind} with handle {found.Handle}");
        }
    }
}
