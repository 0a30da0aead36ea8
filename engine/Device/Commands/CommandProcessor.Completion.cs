using System.Numerics;
using RoceEngine.Abi;

namespace RoceEngine.Device;

/// <content>Completion queues.</content>
internal sealed unsafe partial class CommandProcessor
{
    private PvrdmaCommandError CreateCompletionQueue(in PvrdmaCreateCq request, ref PvrdmaCreateCqResponse response)
    {
        if (!TryFindContext(request.ContextHandle, out UserContext? context))
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        PvrdmaCommandError error = ReadPages(request.EntryCount, request.PageCount, request.DirectoryAddress, 0, out GuestPages? pages);
        if (error != PvrdmaCommandError.None)
        {
            return error;
        }

        var queue = new CompletionQueue(pages!, request.EntryCount, context);
        if (!core.Objects.CompletionQueues.TryAdd(queue, out uint handle))
        {
            return PvrdmaCommandError.LimitReached;
        }

        queue.Handle = handle;
        if (context is not null)
        {
            context.References++;
        }

        core.Objects.PinnedPages += queue.PinnedPages;
        response.CqHandle = handle;
        response.EntryCount = request.EntryCount;
        return PvrdmaCommandError.None;
    }

    /// <summary>Reads the pages of a CQ. <paramref name="pagesGivenBack"/> count no more against the quota once these do.</summary>
    private PvrdmaCommandError ReadPages(
        uint entryCount, uint pageCount, ulong directoryAddress, int pagesGivenBack, out GuestPages? pages)
    {
        pages = null;
        if (!BitOperations.IsPow2(entryCount) || entryCount > (uint)core.Limits.EntriesPerCompletionQueue)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        ulong pagesNeeded = 1 + PvrdmaWqeLayout.PagesFor(entryCount, PvrdmaCqe.Length);
        if (pagesNeeded > PvrdmaPageDirectory.PagesMax || pageCount < pagesNeeded)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        if (!HasRoomForPages((long)pagesNeeded - pagesGivenBack))
        {
            return PvrdmaCommandError.LimitReached;
        }

        return GuestPages.TryRead(core.Ram, directoryAddress, (int)pagesNeeded, out pages)
            ? PvrdmaCommandError.None
            : PvrdmaCommandError.BadAddress;
    }

    /// <summary>
    /// The stock command has no pages to grow into. It asks for at least so many entries, so a CQ that has them already stays as it is, and the answer
    /// says how many it has.
    /// </summary>
    private PvrdmaCommandError ResizeCompletionQueue(in PvrdmaResizeCq request, ref PvrdmaHandleResponse response)
    {
        if (core.Objects.CompletionQueues[request.CqHandle] is not { } queue)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        if (request.EntryCount == 0)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        response.Handle = queue.EntryCount;
        return request.EntryCount <= queue.EntryCount ? PvrdmaCommandError.None : PvrdmaCommandError.NotSupported;
    }

    private PvrdmaCommandError ResizeCompletionQueue(in PvrdmaResizeCqPages request, ref PvrdmaHandleResponse response)
    {
        if (core.Objects.CompletionQueues[request.CqHandle] is not { } queue)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        int pagesBefore = queue.PinnedPages;
        PvrdmaCommandError error = ReadPages(
            request.EntryCount, request.PageCount, request.DirectoryAddress, pagesBefore, out GuestPages? pages);
        if (error != PvrdmaCommandError.None)
        {
            return error;
        }

        core.DirtyLog?.Mark(queue);
        if (queue.IsFailed || !queue.TryMove(pages!, request.EntryCount))
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        core.Objects.PinnedPages += queue.PinnedPages - pagesBefore;
        response.Handle = queue.EntryCount;
        return PvrdmaCommandError.None;
    }

    private PvrdmaCommandError DestroyCompletionQueue(in PvrdmaHandleCommand request)
    {
        if (core.Objects.CompletionQueues[request.Handle] is not { } queue)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        if (queue.References != 0)
        {
            return PvrdmaCommandError.Busy;
        }

        queue.IsDestroyed = true;
        core.DirtyLog?.Mark(queue);
        core.Objects.CompletionQueues.Remove(queue.Handle);
        core.Objects.PinnedPages -= queue.PinnedPages;
        if (queue.Context is not null)
        {
            queue.Context.References--;
        }

        return PvrdmaCommandError.None;
    }
}
