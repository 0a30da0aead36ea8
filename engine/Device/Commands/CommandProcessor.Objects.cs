using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <content>The objects one by one, for a guest that did not make them.</content>
internal sealed unsafe partial class CommandProcessor
{
    private PvrdmaCommandError NextObject(in PvrdmaNextObject request, ref PvrdmaNextObjectResponse response)
    {
        uint from = request.Handle;
        switch ((PvrdmaObjectKind)request.Kind)
        {
            case PvrdmaObjectKind.ProtectionDomain:
                response.Handle = core.Objects.Domains.NextFrom(from)?.Handle ?? 0;
                break;
            case PvrdmaObjectKind.MemoryRegion:
                Describe(core.Objects.Regions.NextFrom(from), ref response);
                break;
            case PvrdmaObjectKind.CompletionQueue:
                Describe(core.Objects.CompletionQueues.NextFrom(from), ref response);
                break;
            case PvrdmaObjectKind.SharedReceiveQueue:
                Describe(core.Objects.SharedReceiveQueues.NextFrom(from), ref response);
                break;
            case PvrdmaObjectKind.QueuePair:
                Describe(core.Objects.QueuePairs.NextFrom(from), ref response);
                break;
            case PvrdmaObjectKind.MemoryWindow:
                Describe(core.Objects.Windows.NextFrom(from), ref response);
                break;
            default:
                return PvrdmaCommandError.InvalidArgument;
        }

        return PvrdmaCommandError.None;
    }

    private void Describe(MemoryRegion? region, ref PvrdmaNextObjectResponse response)
    {
        if (region is null)
        {
            return;
        }

        DescribeKeyed(region, ref response);
        response.Type = (uint)TypeOf(region.Kind);
        DescribePages(region.OpenedPages, ref response);
        response.PageCount = (uint)region.PinnedPages;
    }

    private void Describe(CompletionQueue? queue, ref PvrdmaNextObjectResponse response)
    {
        if (queue is null)
        {
            return;
        }

        response.Handle = queue.Handle;
        response.EntryCount = queue.EntryCount;
        DescribePages(queue.Pages, ref response);
    }

    private void Describe(SharedReceiveQueue? queue, ref PvrdmaNextObjectResponse response)
    {
        if (queue is null)
        {
            return;
        }

        response.Handle = queue.Handle;
        response.PdHandle = queue.Domain.Handle;
        response.EntryCount = queue.Queue.Slots;
        response.Capabilities.MaxReceiveSge = queue.MaxSges;
        DescribePages(queue.Pages, ref response);
    }

    private void Describe(DeviceQueuePair? qp, ref PvrdmaNextObjectResponse response)
    {
        if (qp is null)
        {
            return;
        }

        response.Handle = qp.Handle;
        response.PdHandle = qp.Domain.Handle;
        response.Number = qp.Qpn;
        response.Type = (uint)TypeOf(qp);
        response.State = (uint)qp.Protocol.State;
        response.SendCqHandle = qp.SendCompletionQueue.Handle;
        response.ReceiveCqHandle = qp.ReceiveCompletionQueue.Handle;
        response.SrqHandle = qp.SharedReceives?.Handle ?? 0;
        response.Capabilities = qp.Capabilities;
        response.SendPageCount = (uint)qp.SendPageCount;
        DescribePages(qp.Pages, ref response);
        response.Flags |= (uint)(qp.Protocol.Config.SignalAllSends ? PvrdmaObjectFlags.SignalAll : PvrdmaObjectFlags.None);
    }

    private static void Describe(MemoryWindow? window, ref PvrdmaNextObjectResponse response)
    {
        if (window is not null)
        {
            DescribeKeyed(window, ref response);
            response.Type = (uint)window.Kind;
        }
    }

    private static void DescribeKeyed(KeyedMemory memory, ref PvrdmaNextObjectResponse response)
    {
        response.Handle = memory.Handle;
        response.PdHandle = memory.Domain.Handle;
        response.Number = memory.Key;
        response.Start = memory.Start;
        response.Length = memory.Bytes;
        response.Access = (uint)memory.Access;
    }

    private void DescribePages(GuestPages? pages, ref PvrdmaNextObjectResponse response)
    {
        if (pages is null)
        {
            return;
        }

        response.FirstPage = (ulong)(pages.At(0) - core.Ram.Start);
        response.PageCount = (uint)pages.Count;
        response.Flags = (uint)(pages.Linear == null ? PvrdmaObjectFlags.None : PvrdmaObjectFlags.PagesInRow);
    }

    private static PvrdmaRegionType TypeOf(RegionKind kind) => kind switch
    {
        RegionKind.Pages => PvrdmaRegionType.Pages,
        RegionKind.AllMemory => PvrdmaRegionType.AllMemory,
        RegionKind.FastRegister => PvrdmaRegionType.FastRegister,
        _ => PvrdmaRegionType.Process,
    };

    private static PvrdmaQpType TypeOf(DeviceQueuePair qp) => qp.Service switch
    {
        TransportService.ReliableConnection => PvrdmaQpType.Rc,
        TransportService.UnreliableConnection => PvrdmaQpType.Uc,
        _ => qp.Qpn == DeviceObjects.ServicesQpn ? PvrdmaQpType.Gsi : PvrdmaQpType.Ud,
    };
}
