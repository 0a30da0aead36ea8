using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <summary>What <see cref="MemoryRegion.Reregister"/> changes; what is null stays. <c>enum ibv_rereg_mr_flags</c>.</summary>
public sealed record Reregistration
{
    /// <summary>The protection domain to belong to, of the same device. <c>IBV_REREG_MR_CHANGE_PD</c>.</summary>
    public ProtectionDomain? ProtectionDomain { get; init; }

    /// <summary>The memory to cover, of the same device. <c>IBV_REREG_MR_CHANGE_TRANSLATION</c>.</summary>
    public GuestMemory? Memory { get; init; }

    /// <summary>With <see cref="Memory"/>: first byte in it.</summary>
    public long Offset { get; init; }

    /// <summary>With <see cref="Memory"/>: length in bytes; the rest of the memory when null.</summary>
    public long? Bytes { get; init; }

    /// <summary>The rights. <c>IBV_REREG_MR_CHANGE_ACCESS</c>.</summary>
    public AccessFlags? Access { get; init; }
}

/// <content>Re-registration.</content>
public sealed partial class MemoryRegion
{
    /// <summary>
    /// Changes the registration in one step. <c>ibv_rereg_mr</c>. The keys may change with it: hand out <see cref="RemoteKey"/> anew. Requests
    /// under way on the region meanwhile may fail.
    /// </summary>
    /// <param name="change">What becomes different.</param>
    /// <exception cref="VerbsException">
    /// EINVAL: the range leaves the memory, rights that contradict each other, another device's object. EBUSY: a memory window is bound to the region.
    /// EOPNOTSUPP: the device cannot. Nothing changed.
    /// </exception>
    public void Reregister(Reregistration change)
    {
        ArgumentNullException.ThrowIfNull(change);
        RdmaContext context = ProtectionDomain.Context;
        Check(context, Memory.IsOfProcess, change);
        lock (context.Driver.CommandLock)
        {
            context.ThrowIfClosed();
            ObjectDisposedException.ThrowIf(_disposed, this);
            change.ProtectionDomain?.ThrowIfClosed();
            long bytes = change.Memory is null ? Length : change.Bytes ?? (change.Memory.Length - change.Offset);
            GuestPages? pages = change.Memory?.AddRegion(change.Offset, bytes);
            PvrdmaCreateMrResponse response;
            try
            {
                response = Execute(change, pages, bytes);
            }
            catch
            {
                pages?.Dispose();
                change.Memory?.RemoveRegion();
                throw;
            }

            LocalKey = response.LocalKey;
            RemoteKey = response.RemoteKey;
            Take(change, pages, bytes);
        }
    }

    private static void Check(RdmaContext context, bool isOfProcess, Reregistration change)
    {
        if ((change.ProtectionDomain is { } domain && domain.Context != context) || (change.Memory is { } memory && memory.Context != context))
        {
            throw new VerbsException(Errno.Invalid, "ibv_rereg_mr: the domain or memory belongs to another device");
        }

        if (change.Memory is { } other && other.IsOfProcess != isOfProcess)
        {
            throw new VerbsException(Errno.Invalid, "ibv_rereg_mr: a region stays in guest RAM or outside of it, as it was registered");
        }

        if (change.Access is { } access)
        {
            ProtectionDomain.CheckAccess(access);
        }

        context.Driver.Require(ExtensionBits.ExtendedVerbs, "ibv_rereg_mr");
    }

    private PvrdmaCreateMrResponse Execute(Reregistration change, GuestPages? pages, long bytes) =>
        ProtectionDomain.Context.Driver.Execute<PvrdmaReregisterMr, PvrdmaCreateMrResponse>(
            PvrdmaCommand.ReregisterMr,
            new PvrdmaReregisterMr
            {
                MrHandle = _handle,
                Flags = (change.Memory is null ? 0 : PvrdmaReregisterMr.ChangeTranslation)
                    | (change.ProtectionDomain is null ? 0 : PvrdmaReregisterMr.ChangePd)
                    | (change.Access is null ? 0 : PvrdmaReregisterMr.ChangeAccess),
                Start = FirstAddress(change),
                Length = change.Memory is null ? 0 : (ulong)bytes,
                DirectoryAddress = pages?.DirectoryAddress ?? FirstAddress(change),
                PageCount = (uint)(pages?.PageCount ?? 0),
                PdHandle = change.ProtectionDomain?.Handle ?? 0,
                Access = (uint)(change.Access ?? AccessFlags.None),
            },
            "ibv_rereg_mr");

    private static ulong FirstAddress(Reregistration change) => change.Memory is { } memory ? memory.Address + (ulong)change.Offset : 0;

    private void Take(Reregistration change, GuestPages? pages, long bytes)
    {
        if (change.Memory is { } memory)
        {
            _pages?.Dispose();
            Memory.RemoveRegion();
            _pages = pages;
            Memory = memory;
            Address = FirstAddress(change);
            Length = bytes;
        }

        if (change.ProtectionDomain is { } domain)
        {
            domain.AddDependent();
            ProtectionDomain.RemoveDependent();
            ProtectionDomain = domain;
        }

        Access = change.Access ?? Access;
    }
}
