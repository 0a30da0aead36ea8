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

        if (!BitOperations.IsPow2(request.EntryCount) || request.EntryCount > (uint)core.Limits.EntriesPerCompletionQueue)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        ulong pagesNeeded = 1 + PvrdmaWqeLayout.PagesFor(request.EntryCount, PvrdmaCqe.Length);
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
        core.Objects.CompletionQueues.Remove(queue.Handle);
        core.Objects.PinnedPages -= queue.PinnedPages;
        if (queue.Context is not null)
        {
            queue.Context.References--;
        }

        return PvrdmaCommandError.None;
    }
}
