using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <content>Protection domains and memory regions.</content>
internal sealed unsafe partial class CommandProcessor
{
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

        PvrdmaCommandError error = AccessRights.CheckRegion(request.Access, core.Extension);
        if (error != PvrdmaCommandError.None)
        {
            return error;
        }

        var access = (AccessFlags)request.Access;
        MemoryRegion? region = null;
        error = request.Flags switch
        {
            0 => ReadRegion(request, domain, access, out region),
            PvrdmaMrFlags.Dma when (access & ~AccessFlags.LocalWrite) != 0 => PvrdmaCommandError.NotPermitted,
            PvrdmaMrFlags.Dma => PvrdmaCommandError.None,
            PvrdmaMrFlags.FastRegister => CheckFastRegister(request),
            PvrdmaMrFlags.ProcessMemory when Has(ExtensionBits.ProcessMemory) =>
                CheckProcessMemory(request.Start, request.Length, request.DirectoryAddress),
            _ => PvrdmaCommandError.InvalidArgument,
        };
        if (error != PvrdmaCommandError.None)
        {
            return error;
        }

        region ??= request.Flags switch
        {
            PvrdmaMrFlags.Dma => new MemoryRegion(domain, core.Ram, access),
            PvrdmaMrFlags.ProcessMemory => new MemoryRegion(domain, request.Start, request.Length, access, (byte*)request.DirectoryAddress),
            _ => new MemoryRegion(domain, (int)request.PageCount),
        };
        return AddRegion(region, ref response);
    }

    /// <summary>
    /// The range is taken as it is, from a guest that is this process and so could reach it anyway: only what would break the device's own arithmetic
    /// is refused.
    /// </summary>
    private PvrdmaCommandError CheckProcessMemory(ulong start, ulong bytes, ulong address)
    {
        if (bytes == 0 || bytes > (ulong)core.Limits.BytesPerMemoryRegion || start + (bytes - 1) < start)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        return address == 0 || address + (bytes - 1) < address ? PvrdmaCommandError.BadAddress : PvrdmaCommandError.None;
    }

    /// <summary>Rights, range and pages come with the work request; here only the number of pages at most counts.</summary>
    private PvrdmaCommandError CheckFastRegister(in PvrdmaCreateMr request)
    {
        if (request.PageCount is 0 or > PvrdmaPageDirectory.FastRegisterPagesMax || request.Access != 0)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        return HasRoomForPages(request.PageCount) ? PvrdmaCommandError.None : PvrdmaCommandError.LimitReached;
    }

    private PvrdmaCommandError ReadRegion(in PvrdmaCreateMr request, ProtectionDomain domain, AccessFlags access, out MemoryRegion? region)
    {
        PvrdmaCommandError error = ReadPages(request.Start, request.Length, request.DirectoryAddress, request.PageCount, 0, out GuestPages? pages);
        region = error == PvrdmaCommandError.None ? new MemoryRegion(domain, request.Start, request.Length, access, pages!) : null;
        return error;
    }

    /// <summary>Reads the pages behind a range. <paramref name="pagesGivenBack"/> count no more against the quota once these do.</summary>
    private PvrdmaCommandError ReadPages(
        ulong start, ulong bytes, ulong directoryAddress, uint pageCount, int pagesGivenBack, out GuestPages? pages)
    {
        pages = null;
        if (!AccessRights.TryCountPages(start, bytes, core.Limits, out int pagesNeeded) || pageCount < (uint)pagesNeeded)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        if (!HasRoomForPages(pagesNeeded - pagesGivenBack))
        {
            return PvrdmaCommandError.LimitReached;
        }

        // Pages beyond the range are of no use and not read.
        return GuestPages.TryRead(core.Ram, directoryAddress, pagesNeeded, out pages)
            ? PvrdmaCommandError.None
            : PvrdmaCommandError.BadAddress;
    }

    private PvrdmaCommandError AddRegion(MemoryRegion region, ref PvrdmaCreateMrResponse response)
    {
        if (!core.Objects.Regions.TryAdd(region, out uint handle))
        {
            return PvrdmaCommandError.LimitReached;
        }

        region.Handle = handle;
        core.Objects.AddKey(region);
        region.Domain.References++;
        core.Objects.PinnedPages += region.PinnedPages;
        Answer(region, ref response);
        return PvrdmaCommandError.None;
    }

    private static void Answer(MemoryRegion region, ref PvrdmaCreateMrResponse response)
    {
        response.MrHandle = region.Handle;
        response.LocalKey = region.Key;
        response.RemoteKey = region.Key;
    }

    private PvrdmaCommandError DestroyRegion(in PvrdmaHandleCommand request)
    {
        if (core.Objects.Regions[request.Handle] is not { } region)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        // The spec has it so: a region that windows open cannot go. IBTA vol. 1, 11.2.8.4.
        if (region.WindowCount != 0)
        {
            return PvrdmaCommandError.Busy;
        }

        core.Objects.RemoveKey(region);
        core.Objects.Regions.Remove(region.Handle);
        region.Domain.References--;
        core.Objects.PinnedPages -= region.PinnedPages;
        return PvrdmaCommandError.None;
    }
}
