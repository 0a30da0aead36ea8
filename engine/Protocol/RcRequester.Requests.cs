using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>What each operation asks of its work request, and how many PSNs it takes. IBTA vol. 1, 10.8; (1.5) annex A19.</summary>
internal sealed unsafe partial class RcRequester
{
    /// <summary>What makes a work request impossible to send, found before its first packet.</summary>
    private CompletionStatus FindFailure(ref SendWorkRequest request)
    {
        bool isInline = (request.Flags & SendFlags.Inline) != 0;
        if (request.Opcode.NeedsResponse() && (_qp.Attributes.MaxRdAtomic == 0 || (isInline && request.Opcode != WorkOpcode.AtomicWrite)))
        {
            return CompletionStatus.LocalQpOperationError;
        }

        switch (request.Opcode)
        {
            case WorkOpcode.LocalInvalidate:
            case WorkOpcode.BindWindow:
            case WorkOpcode.FastRegister:
                return CompletionStatus.Success;
            case WorkOpcode.CompareSwap:
            case WorkOpcode.FetchAdd:
            case WorkOpcode.MaskedCompareSwap:
            case WorkOpcode.MaskedFetchAdd:
                return request.TotalBytes < sizeof(ulong) ? CompletionStatus.LocalLengthError : CompletionStatus.Success;
            case WorkOpcode.AtomicWrite:
                return request.TotalBytes != sizeof(ulong) ? CompletionStatus.LocalLengthError : CompletionStatus.Success;
            case WorkOpcode.Flush:
                const FlushOptions placement = FlushOptions.Global | FlushOptions.Persistent;
                bool isFlush = (request.FlushOptions & placement) != 0
                    && (request.FlushOptions & ~(placement | FlushOptions.WholeRegion)) == 0
                    && request.TotalBytes == 0;
                return isFlush ? CompletionStatus.Success : CompletionStatus.LocalQpOperationError;
            case <= WorkOpcode.Read or WorkOpcode.SendWithInvalidate:
                return WorkOpcodeFacts.FitsMessage(request) ? CompletionStatus.Success : CompletionStatus.LocalLengthError;
            default:
                return CompletionStatus.LocalQpOperationError;
        }
    }

    private uint PacketsOf(in SendWorkRequest request)
    {
        if (request.Opcode.IsLocal())
        {
            return 0;
        }

        bool isOnePacket = request.TotalBytes == 0 || (request.Opcode != WorkOpcode.Read && request.Opcode.NeedsResponse());
        return isOnePacket ? 1 : (uint)(((ulong)request.TotalBytes + (uint)MtuBytes - 1) >> _qp.MtuShift);
    }
}
