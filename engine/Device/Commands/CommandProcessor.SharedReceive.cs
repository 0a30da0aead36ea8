using System.Numerics;
using RoceEngine.Abi;

namespace RoceEngine.Device;

/// <content>Shared receive queues.</content>
internal sealed unsafe partial class CommandProcessor
{
    private const byte BasicSrq = 0;

    private PvrdmaCommandError CreateSharedReceiveQueue(in PvrdmaCreateSrq request, ref PvrdmaHandleResponse response)
    {
        if (request.SrqType != BasicSrq)
        {
            return PvrdmaCommandError.NotSupported;
        }

        if (core.Objects.Domains[request.PdHandle] is not { } domain)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        ref readonly PvrdmaSrqAttributes attributes = ref request.Attributes;
        if (!BitOperations.IsPow2(attributes.MaxWr) || attributes.MaxWr > (uint)core.Limits.WorkRequestsPerQueue
            || attributes.MaxSge > (uint)core.Limits.SgesPerWorkRequest)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        uint maxSges = Math.Max(attributes.MaxSge, 1);
        ulong pagesNeeded = 1 + PvrdmaWqeLayout.PagesFor(attributes.MaxWr, PvrdmaWqeLayout.ReceiveSlotBytes(maxSges));
        if (pagesNeeded > PvrdmaPageDirectory.PagesMax || request.PageCount < pagesNeeded)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        if (!HasRoomForPages((long)pagesNeeded))
        {
            return PvrdmaCommandError.LimitReached;
        }

        if (!GuestPages.TryRead(core.Ram, request.DirectoryAddress, (int)pagesNeeded, out GuestPages? pages))
        {
            return PvrdmaCommandError.BadAddress;
        }

        // A limit given here means nothing: ibv_create_srq(3). MODIFY_SRQ arms it.
        var queue = new SharedReceiveQueue(domain, pages!, attributes.MaxWr, maxSges);
        if (!core.Objects.SharedReceiveQueues.TryAdd(queue, out uint handle))
        {
            return PvrdmaCommandError.LimitReached;
        }

        queue.Handle = handle;
        domain.References++;
        core.Objects.PinnedPages += queue.PinnedPages;
        response.Handle = handle;
        return PvrdmaCommandError.None;
    }

    /// <summary>Arms the limit. The number of work requests cannot be changed, and the capabilities do not say that it could.</summary>
    private PvrdmaCommandError ModifySharedReceiveQueue(in PvrdmaModifySrq request)
    {
        if (core.Objects.SharedReceiveQueues[request.SrqHandle] is not { } queue)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        if ((request.AttributeMask & ~(PvrdmaModifySrq.LimitMask | PvrdmaModifySrq.MaxWrMask)) != 0)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        if ((request.AttributeMask & PvrdmaModifySrq.MaxWrMask) != 0)
        {
            return PvrdmaCommandError.NotSupported;
        }

        if ((request.AttributeMask & PvrdmaModifySrq.LimitMask) != 0)
        {
            if (request.Attributes.Limit > queue.Queue.Slots)
            {
                return PvrdmaCommandError.InvalidArgument;
            }

            queue.Limit = request.Attributes.Limit;
        }

        return PvrdmaCommandError.None;
    }

    private PvrdmaCommandError QuerySharedReceiveQueue(in PvrdmaHandleCommand request, ref PvrdmaQuerySrqResponse response)
    {
        if (core.Objects.SharedReceiveQueues[request.Handle] is not { } queue)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        response.Attributes = new PvrdmaSrqAttributes { MaxWr = queue.Queue.Slots, MaxSge = queue.MaxSges, Limit = queue.Limit };
        return PvrdmaCommandError.None;
    }

    private PvrdmaCommandError DestroySharedReceiveQueue(in PvrdmaHandleCommand request)
    {
        if (core.Objects.SharedReceiveQueues[request.Handle] is not { } queue)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        if (queue.References != 0)
        {
            return PvrdmaCommandError.Busy;
        }

        queue.IsDestroyed = true;
        core.DirtyLog?.Mark(queue.Pages, 1);
        core.Objects.SharedReceiveQueues.Remove(queue.Handle);
        core.Objects.PinnedPages -= queue.PinnedPages;
        queue.Domain.References--;
        return PvrdmaCommandError.None;
    }
}
