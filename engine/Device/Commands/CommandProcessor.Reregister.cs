using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <content>Re-registration.</content>
internal sealed unsafe partial class CommandProcessor
{
    private const uint ReregisterFlags =
        PvrdmaReregisterMr.ChangeTranslation | PvrdmaReregisterMr.ChangePd | PvrdmaReregisterMr.ChangeAccess;

    /// <summary>
    /// Changes what the flags name and keeps the rest, handle and keys too. Packets under way find the region as it is when they are handled.
    /// All is checked before anything changes.
    /// </summary>
    private PvrdmaCommandError ReregisterRegion(in PvrdmaReregisterMr request, ref PvrdmaCreateMrResponse response)
    {
        if (core.Objects.Regions[request.MrHandle] is not { } region)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        if ((request.Flags & ~ReregisterFlags) != 0 || request.Flags == 0 || region.Kind is not (RegionKind.Pages or RegionKind.Process))
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        if (region.WindowCount != 0)
        {
            return PvrdmaCommandError.Busy;
        }

        ProtectionDomain? domain = (request.Flags & PvrdmaReregisterMr.ChangePd) != 0 ? core.Objects.Domains[request.PdHandle] : region.Domain;
        if (domain is null)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        bool changesAccess = (request.Flags & PvrdmaReregisterMr.ChangeAccess) != 0;
        PvrdmaCommandError error = changesAccess ? AccessRights.CheckRegion(request.Access, core.Extension) : PvrdmaCommandError.None;
        if (error != PvrdmaCommandError.None)
        {
            return error;
        }

        if ((request.Flags & PvrdmaReregisterMr.ChangeTranslation) != 0)
        {
            error = ChangeTranslation(region, in request);
            if (error != PvrdmaCommandError.None)
            {
                return error;
            }
        }

        if (changesAccess)
        {
            region.Reregister((AccessFlags)request.Access);
        }

        region.Domain.References--;
        domain.References++;
        region.Domain = domain;
        Answer(region, ref response);
        return PvrdmaCommandError.None;
    }

    private PvrdmaCommandError ChangeTranslation(MemoryRegion region, in PvrdmaReregisterMr request)
    {
        PvrdmaCommandError error;
        if (region.Kind == RegionKind.Process)
        {
            error = CheckProcessMemory(request.Start, request.Length, request.DirectoryAddress);
            if (error == PvrdmaCommandError.None)
            {
                region.Reregister(request.Start, request.Length, (byte*)request.DirectoryAddress);
            }

            return error;
        }

        error = ReadPages(request.Start, request.Length, request.DirectoryAddress, request.PageCount, region.PinnedPages, out GuestPages? pages);
        if (error == PvrdmaCommandError.None)
        {
            core.Objects.PinnedPages += pages!.Count - region.PinnedPages;
            region.Reregister(request.Start, request.Length, pages);
        }

        return error;
    }
}
