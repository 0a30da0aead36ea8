using System.Numerics;
using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <content>Queue pairs: creation and destruction.</content>
internal sealed unsafe partial class CommandProcessor
{
    private PvrdmaCommandError CreateQueuePair(in PvrdmaCreateQp request, ref PvrdmaCreateQpResponse response)
    {
        PvrdmaCommandError error = CheckQueuePair(request, out TransportService service);
        if (error != PvrdmaCommandError.None)
        {
            return error;
        }

        if (core.Objects.Domains[request.PdHandle] is not { } domain
            || core.Objects.CompletionQueues[request.SendCqHandle] is not { } sendQueue
            || core.Objects.CompletionQueues[request.ReceiveCqHandle] is not { } receiveQueue)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        SharedReceiveQueue? shared = null;
        if (request.UsesSrq != 0 && !TryFindShared(request.SrqHandle, domain, out shared, out error))
        {
            return error;
        }

        error = ReadQueues(request, out PvrdmaQpCapabilities capabilities, out GuestPages? pages);
        if (error != PvrdmaCommandError.None)
        {
            return error;
        }

        var qp = new DeviceQueuePair(domain, sendQueue, receiveQueue, pages!) { Capabilities = capabilities, Service = service, SharedReceives = shared };
        qp.SetWorkQueues(request.SendPageCount);
        return AddQueuePair(qp, request, ref response);
    }

    /// <summary>
    /// The SRQ of a new QP. Both must be of one PD: the keys in a receive request are looked up in its QP's.
    /// </summary>
    private bool TryFindShared(uint handle, ProtectionDomain domain, out SharedReceiveQueue? shared, out PvrdmaCommandError error)
    {
        shared = core.Objects.SharedReceiveQueues[handle];
        error = shared is null ? PvrdmaCommandError.NoSuchObject
            : shared.Domain != domain || shared.IsFailed ? PvrdmaCommandError.InvalidArgument
            : PvrdmaCommandError.None;
        return error == PvrdmaCommandError.None;
    }

    /// <summary>Checks what needs no look at an object or at guest memory.</summary>
    private PvrdmaCommandError CheckQueuePair(in PvrdmaCreateQp request, out TransportService service)
    {
        service = TransportService.ReliableConnection;
        switch ((PvrdmaQpType)request.QpType)
        {
            case PvrdmaQpType.Rc:
                break;
            case PvrdmaQpType.Uc when (core.Extension & ExtensionBits.UnreliableConnection) != 0:
                service = TransportService.UnreliableConnection;
                break;
            case PvrdmaQpType.Ud:
                service = TransportService.UnreliableDatagram;
                break;
            case PvrdmaQpType.Gsi when request.UsesSrq != 0:
                return PvrdmaCommandError.InvalidArgument;
            case PvrdmaQpType.Gsi when core.Objects.QueuePairNumbers.Find(DeviceObjects.ServicesQpn) is not null:
                return PvrdmaCommandError.Busy;
            case PvrdmaQpType.Gsi:
                // Datagrams of the connection manager, with a number that all know.
                service = TransportService.UnreliableDatagram;
                break;
            case PvrdmaQpType.Smi:
                const string Text = "a queue pair of the subnet manager (SMI) is not supported: RoCE has no such manager";
                core.Environment.Report(new DeviceReport(core.Options.Name, GuestFault.Command, (uint)PvrdmaCommand.CreateQp, Text));
                return PvrdmaCommandError.NotSupported;
            default:
                return PvrdmaCommandError.NotSupported;
        }

        // With an SRQ the sizes of the receive queue mean nothing.
        DeviceLimits limits = core.Limits;
        bool receivesFit = request.UsesSrq != 0
            || (BitOperations.IsPow2(request.MaxReceiveWr) && request.MaxReceiveWr <= (uint)limits.WorkRequestsPerQueue
                && request.MaxReceiveSge <= (uint)limits.SgesPerWorkRequest);
        bool sizesFit = receivesFit && BitOperations.IsPow2(request.MaxSendWr) && request.MaxSendWr <= (uint)limits.WorkRequestsPerQueue
            && request.MaxSendSge <= (uint)limits.SgesPerWorkRequest;
        uint inlineMax = (core.Extension & ExtensionBits.Inline) != 0 ? (uint)limits.InlineBytes : 0;
        return sizesFit && request.MaxInlineBytes <= inlineMax ? PvrdmaCommandError.None : PvrdmaCommandError.InvalidArgument;
    }

    private PvrdmaCommandError ReadQueues(in PvrdmaCreateQp request, out PvrdmaQpCapabilities capabilities, out GuestPages? pages)
    {
        pages = null;
        bool ownReceives = request.UsesSrq == 0;
        capabilities = new PvrdmaQpCapabilities
        {
            MaxSendWr = request.MaxSendWr,
            MaxReceiveWr = ownReceives ? request.MaxReceiveWr : 0,
            MaxSendSge = Math.Max(request.MaxSendSge, 1),
            MaxReceiveSge = ownReceives ? Math.Max(request.MaxReceiveSge, 1) : 0,
            MaxInlineBytes = request.MaxInlineBytes,
        };
        uint sendSlotBytes = PvrdmaWqeLayout.SendSlotBytes(capabilities.MaxSendSge, capabilities.MaxInlineBytes);
        ulong sendPages = PvrdmaWqeLayout.PagesFor(capabilities.MaxSendWr, sendSlotBytes);
        ulong receivePages = PvrdmaWqeLayout.PagesFor(capabilities.MaxReceiveWr, PvrdmaWqeLayout.ReceiveSlotBytes(capabilities.MaxReceiveSge));
        ulong pagesNeeded = 1ul + request.SendPageCount + receivePages;
        if (request.SendPageCount < sendPages || request.TotalPageCount < pagesNeeded)
        {
            return PvrdmaCommandError.InvalidArgument;
        }

        if (!HasRoomForPages((long)pagesNeeded))
        {
            return PvrdmaCommandError.LimitReached;
        }

        return GuestPages.TryRead(core.Ram, request.DirectoryAddress, (int)pagesNeeded, out pages)
            ? PvrdmaCommandError.None
            : PvrdmaCommandError.BadAddress;
    }

    /// <summary>Numbers first, then the protocol's part, then what counts: a step that fails undoes those before it.</summary>
    private PvrdmaCommandError AddQueuePair(
        DeviceQueuePair qp, in PvrdmaCreateQp request, ref PvrdmaCreateQpResponse response)
    {
        if (!core.Objects.QueuePairs.TryAdd(qp, out uint handle))
        {
            return PvrdmaCommandError.LimitReached;
        }

        qp.Handle = handle;
        qp.Qpn = DeviceObjects.ServicesQpn;
        if ((PvrdmaQpType)request.QpType != PvrdmaQpType.Gsi || !core.Objects.QueuePairNumbers.TryPutReserved(qp.Qpn, qp))
        {
            qp.Qpn = core.Objects.QueuePairNumbers.Add(qp);
        }

        if (!qp.TryMakeProtocol(core, request.SignalAll != 0))
        {
            core.Objects.QueuePairNumbers.Remove(qp.Qpn);
            core.Objects.QueuePairs.Remove(handle);
            return PvrdmaCommandError.NotSupported;
        }

        qp.CountUses(core.Objects);
        response.Qpn = qp.Qpn;
        response.QpHandle = handle;
        response.MaxSendWr = qp.Capabilities.MaxSendWr;
        response.MaxReceiveWr = qp.Capabilities.MaxReceiveWr;
        response.MaxSendSge = qp.Capabilities.MaxSendSge;
        response.MaxReceiveSge = qp.Capabilities.MaxReceiveSge;
        response.MaxInlineBytes = qp.Capabilities.MaxInlineBytes;
        return PvrdmaCommandError.None;
    }

    private PvrdmaCommandError DestroyQueuePair(in PvrdmaHandleCommand request, ref PvrdmaHandleResponse response)
    {
        if (core.Objects.QueuePairs[request.Handle] is not { } qp)
        {
            return PvrdmaCommandError.NoSuchObject;
        }

        // ibv_destroy_qp(3): not while it belongs to a multicast group.
        if (qp.GroupCount != 0)
        {
            return PvrdmaCommandError.Busy;
        }

        core.Remove(qp);
        response.Handle = qp.EventCount;
        return PvrdmaCommandError.None;
    }
}
