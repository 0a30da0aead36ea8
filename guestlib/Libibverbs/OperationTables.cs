using RoceEngine.Libibverbs.Abi;

namespace RoceEngine.Libibverbs;

/// <summary>The tables of function pointers that stand in every context, QP and CQ.</summary>
internal static unsafe class OperationTables
{
    /// <summary>A context's.</summary>
    public static void Fill(VerbsContext* context)
    {
        context->QueryPort = &Exports.ContextExports.QueryPortWithLength;
        context->QueryDeviceEx = &Exports.ContextExports.QueryDeviceEx;
        context->CreateCqEx = &ExtendedCompletions.CreateCqEx;
        context->CreateQpEx = &Exports.QueuePairExports.CreateQpEx;
        context->CreateSrqEx = &Exports.SharedReceiveExports.CreateSrqEx;
        context->Sz = VerbsContext.Bytes;
        context->Context.AbiCompat = -1;
        ref IbvContextOps operations = ref context->Context.Ops;
        operations.AllocMw = &Exports.MemoryExports.AllocMw;
        operations.BindMw = &Exports.MemoryExports.BindMw;
        operations.DeallocMw = &Exports.MemoryExports.DeallocMw;
        operations.PollCq = &Datapath.PollCq;
        operations.ReqNotifyCq = &Datapath.ReqNotifyCq;
        operations.PostSrqRecv = &Datapath.PostSrqRecv;
        operations.PostSend = &Datapath.PostSend;
        operations.PostRecv = &Datapath.PostRecv;
    }

    /// <summary>A QP's, for the builder calls of <c>ibv_wr_post(3)</c>.</summary>
    public static void Fill(IbvQpEx* queuePair)
    {
        queuePair->WrStart = &RequestBuilding.Start;
        queuePair->WrComplete = &RequestBuilding.Complete;
        queuePair->WrAbort = &RequestBuilding.Abort;
        queuePair->WrAtomicCmpSwp = &RequestBuilding.AtomicCmpSwp;
        queuePair->WrAtomicFetchAdd = &RequestBuilding.AtomicFetchAdd;
        queuePair->WrAtomicWrite = &RequestBuilding.AtomicWrite;
        queuePair->WrBindMw = &RequestBuilding.BindMw;
        queuePair->WrLocalInv = &RequestBuilding.LocalInv;
        queuePair->WrRdmaRead = &RequestBuilding.RdmaRead;
        queuePair->WrRdmaWrite = &RequestBuilding.RdmaWrite;
        queuePair->WrRdmaWriteImm = &RequestBuilding.RdmaWriteImm;
        queuePair->WrSend = &RequestBuilding.Send;
        queuePair->WrSendImm = &RequestBuilding.SendImm;
        queuePair->WrSendInv = &RequestBuilding.SendInv;
        queuePair->WrSendTso = &RequestBuilding.SendTso;
        queuePair->WrSetUdAddr = &RequestBuilding.SetUdAddr;
        queuePair->WrSetXrcSrqn = &RequestBuilding.SetXrcSrqn;
        queuePair->WrSetInlineData = &RequestBuilding.SetInlineData;
        queuePair->WrSetInlineDataList = &RequestBuilding.SetInlineDataList;
        queuePair->WrSetSge = &RequestBuilding.SetSge;
        queuePair->WrSetSgeList = &RequestBuilding.SetSgeList;
    }
}
