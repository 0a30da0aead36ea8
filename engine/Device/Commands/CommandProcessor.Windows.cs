using RoceEngine.Abi;

namespace RoceEngine.Device;

/// <content>Memory windows. Work requests bind them: see <see cref="MemoryOperations"/>.</content>
internal sealed unsafe partial class CommandProcessor
{
    private PvrdmaCommandError CreateWindow(in PvrdmaCreateMw request, ref PvrdmaCreateMwResponse response)
    {
        if (core.Objects.Domains[request.PdHandle] is not { } domain)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        if (request.Type is not ((uint)WindowKind.Type1 or (uint)WindowKind.Type2))
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        var window = new MemoryWindow(domain, (WindowKind)request.Type);
        if (!core.Objects.Windows.TryAdd(window, out uint handle))
        {
            return PvrdmaCommandError.LimitReached;
        }

        window.Handle = handle;
        core.Objects.AddKey(window);
        domain.References++;
        response.MwHandle = handle;
        response.RemoteKey = window.Key;
        return PvrdmaCommandError.None;
    }

    /// <summary>A bound window goes too: its key opens nothing from now on.</summary>
    private PvrdmaCommandError DestroyWindow(in PvrdmaHandleCommand request)
    {
        if (core.Objects.Windows[request.Handle] is not { } window)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        window.Close();
        core.Objects.RemoveKey(window);
        core.Objects.Windows.Remove(window.Handle);
        window.Domain.References--;
        return PvrdmaCommandError.None;
    }
}
