using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>What the rights and the size of a region may be. The same for registration, re-registration and fast registration.</summary>
internal static class AccessRights
{
    private const AccessFlags Stock = AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic
        | AccessFlags.WindowBind;

    // Guest memory is as persistent as what the host backs it with; a FLUSH orders and answers, the device adds no durability of its own.
    private const AccessFlags Flush = AccessFlags.FlushGlobal | AccessFlags.FlushPersistent;

    /// <summary>Rights that a region or a QP may have.</summary>
    public static AccessFlags Known(ExtensionBits extension) => (extension & ExtensionBits.ExtendedVerbs) != 0 ? Stock | Flush : Stock;

    /// <summary>Checks the rights of a region.</summary>
    public static PvrdmaCommandError CheckRegion(uint access, ExtensionBits extension)
    {
        var unknown = (AccessFlags)access & ~Known(extension);
        if (unknown != 0)
        {
            return (unknown & ~(AccessFlags.ZeroBased | AccessFlags.OnDemand)) == 0
                ? PvrdmaCommandError.NotSupported
                : PvrdmaCommandError.InvalidArgument;
        }

        // What a peer may write the owner must be able to write. IBTA vol. 1, 10.6.3.1.
        bool isWritten = ((AccessFlags)access & (AccessFlags.RemoteWrite | AccessFlags.RemoteAtomic)) != 0;
        return isWritten && ((AccessFlags)access & AccessFlags.LocalWrite) == 0 ? PvrdmaCommandError.InvalidArgument : PvrdmaCommandError.None;
    }

    /// <summary>Pages behind a range; false when it is empty, wraps, or is longer than a region may be.</summary>
    public static bool TryCountPages(ulong start, ulong bytes, DeviceLimits limits, out int pages)
    {
        pages = 0;
        if (bytes == 0 || bytes > (ulong)limits.BytesPerMemoryRegion || start + (bytes - 1) < start)
        {
            return false;
        }

        // Neither sum can wrap: the length is bounded by a limit far below 2^63.
        ulong firstOffset = start & (PvrdmaPageDirectory.PageBytes - 1);
        ulong count = (firstOffset + bytes + PvrdmaPageDirectory.PageBytes - 1) >> PvrdmaPageDirectory.PageShift;
        pages = (int)Math.Min(count, int.MaxValue);
        return count <= PvrdmaPageDirectory.PagesMax;
    }
}
