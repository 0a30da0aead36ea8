using RoceEngine.Abi;

namespace RoceEngine.Verbs.Tests;

/// <content>Shared receive queues, windows, and the commands beyond the stock ABI.</content>
internal sealed unsafe partial class FakeDevice
{
    public Dictionary<uint, FakeSharedReceiveQueue> SharedReceiveQueues { get; } = [];

    /// <summary>Regions made, in order.</summary>
    public List<PvrdmaCreateMr> Regions { get; } = [];

    public List<PvrdmaReregisterMr> Reregistrations { get; } = [];

    public List<(PvrdmaCommand Command, PvrdmaMulticast Group)> Multicasts { get; } = [];

    /// <summary>Runs between the move of a CQ's entries to its new pages and the answer.</summary>
    public Action? DuringResize { get; set; }

    /// <summary>True: an arm word moves to the new pages with the entries.</summary>
    public bool MovesArmWord { get; set; }

    /// <summary>The guest physical addresses in a directory.</summary>
    public long[] PagesOf(ulong directory, int count) => [.. Enumerable.Range(0, count).Select(page => PageOf(directory, page))];

    /// <summary>Where guest RAM begins in this process.</summary>
    public byte* Ram => _memory.GuestRam;

    private void RespondToExtended(PvrdmaCommand number, byte* slot, byte* response)
    {
        switch (number)
        {
            case PvrdmaCommand.CreateSrq:
                var srq = (PvrdmaCreateSrq*)slot;
                RememberSharedQueue(*srq);
                ((PvrdmaHandleResponse*)response)->Handle = _nextHandle;
                SharedReceiveQueues[_nextHandle++] = new FakeSharedReceiveQueue(_memory.GuestRam + PageOf(srq->DirectoryAddress, 0), *srq);
                break;
            case PvrdmaCommand.QuerySrq:
                FakeSharedReceiveQueue queue = SharedReceiveQueues[((PvrdmaHandleCommand*)slot)->Handle];
                ((PvrdmaQuerySrqResponse*)response)->Attributes = queue.Created.Attributes with { Limit = queue.Limit };
                break;
            case PvrdmaCommand.CreateMw:
                RememberWindow(*(PvrdmaCreateMw*)slot);
                ((PvrdmaCreateMwResponse*)response)->MwHandle = _nextHandle;
                ((PvrdmaCreateMwResponse*)response)->RemoteKey = 0x4200FE + (_nextHandle++ << 24);
                break;
            case PvrdmaCommand.ReregisterMr:
                var change = (PvrdmaReregisterMr*)slot;
                Reregistrations.Add(*change);
                ((PvrdmaCreateMrResponse*)response)->MrHandle = change->MrHandle;
                ((PvrdmaCreateMrResponse*)response)->LocalKey = 0x7001;
                ((PvrdmaCreateMrResponse*)response)->RemoteKey = 0x7002;
                break;
            case PvrdmaCommand.NextObject:
                *(PvrdmaNextObjectResponse*)response = Next(*(PvrdmaNextObject*)slot) with { Header = *(PvrdmaResponseHeader*)response };
                break;
            case PvrdmaCommand.ResizeCqPages:
                Resize(*(PvrdmaResizeCqPages*)slot, (PvrdmaHandleResponse*)response);
                break;
        }
    }

    private void ExecuteSilently(PvrdmaCommand number, byte* slot)
    {
        switch (number)
        {
            case PvrdmaCommand.ModifySrq:
                var modify = (PvrdmaModifySrq*)slot;
                SharedReceiveQueues[modify->SrqHandle].Limit = modify->Attributes.Limit;
                break;
            case PvrdmaCommand.AttachMulticast or PvrdmaCommand.DetachMulticast:
                Multicasts.Add((number, *(PvrdmaMulticast*)slot));
                break;
            case PvrdmaCommand.DestroySrq:
                SharedReceiveQueues.Remove(((PvrdmaHandleCommand*)slot)->Handle);
                Forget(number, ((PvrdmaHandleCommand*)slot)->Handle);
                break;
            default:
                Destroy(number, ((PvrdmaHandleCommand*)slot)->Handle);
                break;
        }
    }

    private void Resize(PvrdmaResizeCqPages command, PvrdmaHandleResponse* response)
    {
        FakeCompletionQueue old = CompletionQueues[command.CqHandle];
        var queue = new FakeCompletionQueue(_memory.GuestRam + PageOf(command.DirectoryAddress, 0), command.EntryCount);
        foreach (PvrdmaCqe entry in old.TakeUnread())
            queue.Complete(entry);
        if (MovesArmWord)
            queue.Page->ArmWord = Interlocked.Exchange(ref old.Page->ArmWord, 0);
        CompletionQueues[command.CqHandle] = queue;
        DuringResize?.Invoke();
        response->Handle = command.EntryCount;
    }
}
