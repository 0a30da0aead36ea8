using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>A QP's record as part of a device's state; the protocol's part comes after all records, since it needs windows and regions.</summary>
internal static class QueuePairRecordState
{
    /// <summary>Saves a record; when loading, makes it, with its work queues and a protocol in the reset state.</summary>
    public static DeviceQueuePair Transfer(StateCursor state, DeviceQueuePair? qp, DeviceCore core)
    {
        DeviceObjects objects = core.Objects;
        uint qpn = state.Value(qp?.Qpn ?? 0);
        var service = (TransportService)state.Value((byte)(qp?.Service ?? 0));
        bool signalsAll = state.Flag(qp?.Protocol.Config.SignalAllSends ?? false);
        PvrdmaQpCapabilities capabilities = state.Value(qp?.Capabilities ?? default);
        int sendPages = state.Count(qp?.SendPageCount ?? 0, PvrdmaPageDirectory.PagesMax);
        ProtectionDomain? domain = objects.Domains[state.Value(qp?.Domain.Handle ?? 0)];
        CompletionQueue? sends = objects.CompletionQueues[state.Value(qp?.SendCompletionQueue.Handle ?? 0)];
        CompletionQueue? receives = objects.CompletionQueues[state.Value(qp?.ReceiveCompletionQueue.Handle ?? 0)];
        uint sharedHandle = state.Value(qp?.SharedReceives?.Handle ?? 0);
        GuestPages? pages = GuestPages.Transfer(state, core.Ram, qp?.Pages, objects.PinnedPagesLeft);
        if (state.IsLoading)
        {
            SharedReceiveQueue? shared = objects.SharedReceiveQueues[sharedHandle];
            state.Check(domain is not null && sends is not null && receives is not null && pages is not null, "a queue pair lacks what it was made of");
            state.Check((shared is not null) == (sharedHandle != 0) && (shared is null || shared.Domain == domain), "a queue pair's shared queue is gone");
            state.Check(Fits(capabilities, sendPages, pages!.Count, shared is null, core.Limits), "a queue pair is larger than its pages");
            qp = new DeviceQueuePair(domain!, sends!, receives!, pages!) { Capabilities = capabilities, Service = service, SharedReceives = shared };
            Load(state, qp, qpn, sendPages, signalsAll, core);
        }

        qp!.Sends.Transfer(state);
        qp.Receives.Transfer(state);
        qp.Paths.Transfer(state);
        qp.EventCount = state.Value(qp.EventCount);
        return qp;
    }

    private static void Load(StateCursor state, DeviceQueuePair qp, uint qpn, int sendPages, bool signalsAll, DeviceCore core)
    {
        qp.Qpn = qpn;
        bool isNumbered = qpn == DeviceObjects.ServicesQpn && qp.Service == TransportService.UnreliableDatagram
            ? core.Objects.QueuePairNumbers.TryPutReserved(qpn, qp)
            : core.Objects.QueuePairNumbers.TryPut(qpn, qp);
        state.Check(isNumbered, "two queue pairs have the same number, or one has none");
        qp.SetWorkQueues(sendPages);
        state.Check(qp.TryMakeProtocol(core, signalsAll), "a queue pair is of a service that this host does not have");
        qp.CountUses(core.Objects);
    }

    /// <summary>The rules of CREATE_QP.</summary>
    private static bool Fits(in PvrdmaQpCapabilities capabilities, int sendPages, int pages, bool hasReceives, DeviceLimits limits)
    {
        bool receivesFit = hasReceives
            ? IsDepth(capabilities.MaxReceiveWr, limits) && capabilities.MaxReceiveSge >= 1 && capabilities.MaxReceiveSge <= (uint)limits.SgesPerWorkRequest
            : capabilities.MaxReceiveWr == 0;
        bool sendsFit = IsDepth(capabilities.MaxSendWr, limits) && capabilities.MaxSendSge >= 1
            && capabilities.MaxSendSge <= (uint)limits.SgesPerWorkRequest && capabilities.MaxInlineBytes <= (uint)limits.InlineBytes;
        if (!receivesFit || !sendsFit)
        {
            return false;
        }

        ulong sendNeeds = PvrdmaWqeLayout.PagesFor(capabilities.MaxSendWr, PvrdmaWqeLayout.SendSlotBytes(capabilities.MaxSendSge, capabilities.MaxInlineBytes));
        ulong receiveNeeds = PvrdmaWqeLayout.PagesFor(capabilities.MaxReceiveWr, PvrdmaWqeLayout.ReceiveSlotBytes(capabilities.MaxReceiveSge));
        return sendNeeds <= (ulong)sendPages && 1 + (ulong)sendPages + receiveNeeds <= (ulong)pages;
    }

    private static bool IsDepth(uint workRequests, DeviceLimits limits) =>
        System.Numerics.BitOperations.IsPow2(workRequests) && workRequests <= (uint)limits.WorkRequestsPerQueue;
}
