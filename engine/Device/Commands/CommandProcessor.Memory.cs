using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <content>Protection domains and memory regions.</content>
internal sealed unsafe partial class CommandProcessor
{
    private const AccessFlags RegionAccess = AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead
        | AccessFlags.RemoteAtomic | AccessFlags.WindowBind;

    private PvrdmaCommandError CreateDomain(in PvrdmaHandleCommand request, ref PvrdmaHandleResponse response)
    {
        if (!TryFindContext(request.Handle, out UserContext? context))
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        var domain = new ProtectionDomain { Context = context };
        if (!core.Objects.Domains.TryAdd(domain, out uint handle))
        {
            return PvrdmaCommandError.LimitReached;
        }

        domain.Handle = handle;
        if (context is not null)
        {
            context.References++;
        }

        response.Handle = handle;
        return PvrdmaCommandError.None;
    }

    private PvrdmaCommandError DestroyDomain(in PvrdmaHandleCommand request)
    {
        if (core.Objects.Domains[request.Handle] is not { } domain)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        if (domain.References != 0)
        {
            return PvrdmaCommandError.Busy;
        }

        core.Objects.Domains.Remove(domain.Handle);
        if (domain.Context is not null)
        {
            domain.Context.References--;
        }

        return PvrdmaCommandError.None;
    }

    private PvrdmaCommandError CreateRegion(in PvrdmaCreateMr request, ref PvrdmaCreateMrResponse response)
    {
        if (core.Objects.Domains[request.PdHandle] is not { } domain)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        var access = (AccessFlags)request.Access;
        if ((access & ~RegionAccess) != 0)
        {
            return (request.Access & ~(uint)(RegionAccess | AccessFlags.ZeroBased | AccessFlags.OnDemand)) == 0
                ? PvrdmaCommandError.NotSupported
                : PvrdmaCommandError.InvalidArgument;
        }

        // What a peer may write the owner must be able to write. IBTA vol. 1, 10.6.3.1.
        if ((access & (AccessFlags.RemoteWrite | AccessFlags.RemoteAtomic)) != 0 && (access & AccessFlags.LocalWrite) == 0)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        PvrdmaCommandError error = request.Flags switch
        {
            0 => ReadRegion(request, domain, access, out MemoryRegion? region) is var verdict and not PvrdmaCommandError.None
                ? verdict
                : AddRegion(region!, ref response),
            PvrdmaMrFlags.Dma when (access & ~AccessFlags.LocalWrite) == 0 => AddRegion(new MemoryRegion(domain, core.Ram, access), ref response),
            PvrdmaMrFlags.Dma => PvrdmaCommandError.NotPermitted,
            PvrdmaMrFlags.FastRegister => PvrdmaCommandError.NotSupported,
            _ => PvrdmaCommandError.InvalidArgument,
        };
        return error;
    }

    private PvrdmaCommandError ReadRegion(in PvrdmaCreateMr request, ProtectionDomain domain, AccessFlags access, out MemoryRegion? region)
    {
        region = null;
        if (request.Length == 0 || request.Length > (ulong)core.Limits.BytesPerMemoryRegion
            || request.Start + (request.Length - 1) < request.Start)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        // Neither sum can wrap: the length is bounded by a limit far below 2^63.
        ulong firstOffset = request.Start & (PvrdmaPageDirectory.PageBytes - 1);
        ulong pagesNeeded = (firstOffset + request.Length + PvrdmaPageDirectory.PageBytes - 1) >> PvrdmaPageDirectory.PageShift;
        if (pagesNeeded > PvrdmaPageDirectory.PagesMax || request.PageCount < pagesNeeded)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        if (!HasRoomForPages((long)pagesNeeded))
        {
            return PvrdmaCommandError.LimitReached;
        }

        // Pages beyond the range are of no use and not read.
        if (!GuestPages.TryRead(core.Ram, request.DirectoryAddress, (int)pagesNeeded, out GuestPages? pages))
        {
            return PvrdmaCommandError.BadAddress;
        }

        region = new MemoryRegion(domain, request.Start, request.Length, access, pages!);
        return PvrdmaCommandError.None;
    }

    private PvrdmaCommandError AddRegion(MemoryRegion region, ref PvrdmaCreateMrResponse response)
    {
        if (!core.Objects.Regions.TryAdd(region, out uint handle))
        {
            return PvrdmaCommandError.LimitReached;
        }

        region.Handle = handle;
        region.Key = core.Objects.Keys.Add(region);
        region.Domain.References++;
        core.Objects.PinnedPages += region.PinnedPages;
        response.MrHandle = handle;
        response.LocalKey = region.Key;
        response.RemoteKey = region.Key;
        return PvrdmaCommandError.None;
    }

    private PvrdmaCommandError DestroyRegion(in PvrdmaHandleCommand request)
    {
        if (core.Objects.Regions[request.Handle] is not { } region)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        core.Objects.Keys.Remove(region.Key);
        core.Objects.Regions.Remove(region.Handle);
        region.Domain.References--;
        core.Objects.PinnedPages -= region.PinnedPages;
        return PvrdmaCommandError.None;
    }
}
