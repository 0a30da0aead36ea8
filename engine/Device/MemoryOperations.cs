using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>
/// What work requests do to keys: bind a window, invalidate, register fast. Each answers whether it was done; nothing is changed when not.
/// IBTA vol. 1, 10.6.
/// </summary>
internal sealed class MemoryOperations(DeviceCore core)
{
    private const AccessFlags WindowAccess = AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic
        | AccessFlags.ZeroBased | AccessFlags.FlushGlobal | AccessFlags.FlushPersistent;

    private const AccessFlags RemoteAccess = AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic
        | AccessFlags.FlushGlobal | AccessFlags.FlushPersistent;

    /// <summary>
    /// Binds a window: the upper 24 bits of the key name it, the low 8 are its tag from now on. A bind of no bytes closes a type-1 window;
    /// one of type 2 must be closed before it is bound again. Local write, which programs ask for along with remote write, means nothing for a window.
    /// </summary>
    public bool TryBind(DeviceQueuePair qp, in LocalOperation operation)
    {
        if (core.Objects.FindKeyNumber(operation.Key) is not MemoryWindow window || window.Domain != qp.Domain
            || (operation.Access & ~(WindowAccess | AccessFlags.LocalWrite)) != 0)
        {
            return false;
        }

        if (window.Kind == WindowKind.Type1)
        {
            if ((operation.Access & AccessFlags.ZeroBased) != 0)
            {
                return false;
            }

            if (operation.Bytes == 0)
            {
                window.Close();
                window.Key = operation.Key;
                return true;
            }
        }
        else if (window.IsOpen || operation.Bytes == 0)
        {
            return false;
        }

        if (core.Objects.FindKey(operation.RegionKey) is not MemoryRegion region || !MayBind(region, qp, operation))
        {
            return false;
        }

        window.Bind(qp, region, operation.Key, operation.Address, operation.Bytes, operation.Access & WindowAccess);
        return true;
    }

    /// <summary>Local invalidate: a type-2 window of this QP, or a fast registration without windows. One that is closed already stays so.</summary>
    public bool TryInvalidateLocally(DeviceQueuePair qp, uint key)
    {
        KeyedMemory? memory = core.Objects.FindKey(key);
        return memory is not null && memory.Domain == qp.Domain && IsInvalidatedBy(memory, qp) && Invalidate(memory);
    }

    /// <summary>SEND with invalidate: like a local one, but only of what peers could use.</summary>
    public bool TryInvalidateRemotely(DeviceQueuePair qp, uint key)
    {
        KeyedMemory? memory = core.Objects.FindKey(key);
        return memory is { IsOpen: true } && memory.Domain == qp.Domain && (memory.Access & RemoteAccess) != 0
            && IsInvalidatedBy(memory, qp) && Invalidate(memory);
    }

    /// <summary>Gives a fast registration region its pages; it must be closed. The directory is read now, once.</summary>
    public bool TryRegister(DeviceQueuePair qp, in LocalOperation operation)
    {
        if (core.Objects.FindKeyNumber(operation.Key) is not MemoryRegion { Kind: RegionKind.FastRegister, IsOpen: false } region
            || region.Domain != qp.Domain
            || operation.PageShift != PvrdmaPageDirectory.PageShift
            || AccessRights.CheckRegion((uint)operation.Access, core.Extension) != PvrdmaCommandError.None
            || !AccessRights.TryCountPages(operation.Address, operation.Bytes, core.Limits, out int pagesNeeded)
            || operation.PageCount < (uint)pagesNeeded || operation.PageCount > (uint)region.PinnedPages
            || !GuestPages.TryRead(core.Ram, operation.DirectoryAddress, pagesNeeded, out GuestPages? pages))
        {
            return false;
        }

        region.Register(operation.Key, operation.Address, operation.Bytes, operation.Access, pages!);
        return true;
    }

    /// <summary>The region allows windows, and this one lies inside it; writing through a window needs a region that its owner may write.</summary>
    private static bool MayBind(MemoryRegion region, DeviceQueuePair qp, in LocalOperation operation)
    {
        bool writes = (operation.Access & (AccessFlags.RemoteWrite | AccessFlags.RemoteAtomic)) != 0;
        ulong offset = operation.Address - region.Start;
        return region.Domain == qp.Domain
            && (region.Access & AccessFlags.WindowBind) != 0
            && (!writes || (region.Access & AccessFlags.LocalWrite) != 0)
            && offset <= region.Bytes && operation.Bytes <= region.Bytes - offset;
    }

    private static bool IsInvalidatedBy(KeyedMemory memory, DeviceQueuePair qp) => memory switch
    {
        MemoryWindow window => window.Kind == WindowKind.Type2 && (window.Owner is null || window.Owner == qp),
        MemoryRegion region => region.Kind == RegionKind.FastRegister && region.WindowCount == 0,
        _ => false,
    };

    private static bool Invalidate(KeyedMemory memory)
    {
        if (memory is MemoryWindow window)
        {
            window.Close();
        }
        else
        {
            ((MemoryRegion)memory).Invalidate();
        }

        return true;
    }
}
