namespace RoceEngine.Protocol;

/// <summary>What the requesters of all services know about a send opcode.</summary>
internal static class WorkOpcodeFacts
{
    /// <summary>True for operations that touch only this side's keys: they take no PSN and send no packet. IBTA vol. 1, 10.8.</summary>
    public static bool IsLocal(this WorkOpcode opcode) =>
        opcode is WorkOpcode.LocalInvalidate or WorkOpcode.BindWindow or WorkOpcode.FastRegister;

    /// <summary>True for atomics, which bring back the eight bytes that were there before.</summary>
    public static bool IsAtomic(this WorkOpcode opcode) =>
        opcode is WorkOpcode.CompareSwap or WorkOpcode.FetchAdd or WorkOpcode.MaskedCompareSwap or WorkOpcode.MaskedFetchAdd;

    /// <summary>
    /// True for operations that a response finishes and not an acknowledgement; each takes one of the responder's resources.
    /// IBTA vol. 1, 9.7.3; (1.5) annex A19 for FLUSH and ATOMIC WRITE.
    /// </summary>
    public static bool NeedsResponse(this WorkOpcode opcode) =>
        opcode is WorkOpcode.Read or WorkOpcode.Flush or WorkOpcode.AtomicWrite || opcode.IsAtomic();

    /// <summary>What a work completion calls it.</summary>
    public static CompletionOpcode Completed(this WorkOpcode opcode) => opcode switch
    {
        WorkOpcode.Write or WorkOpcode.WriteWithImmediate => CompletionOpcode.Write,
        WorkOpcode.Read => CompletionOpcode.Read,
        WorkOpcode.CompareSwap => CompletionOpcode.CompareSwap,
        WorkOpcode.FetchAdd => CompletionOpcode.FetchAdd,
        WorkOpcode.LocalInvalidate => CompletionOpcode.LocalInvalidate,
        WorkOpcode.BindWindow => CompletionOpcode.BindWindow,
        WorkOpcode.MaskedCompareSwap => CompletionOpcode.MaskedCompareSwap,
        WorkOpcode.MaskedFetchAdd => CompletionOpcode.MaskedFetchAdd,
        WorkOpcode.Flush => CompletionOpcode.Flush,
        WorkOpcode.AtomicWrite => CompletionOpcode.AtomicWrite,
        WorkOpcode.FastRegister => CompletionOpcode.FastRegister,
        _ => CompletionOpcode.Send,
    };

    /// <summary>True when a message of that many bytes may be sent: what fits inline, or 2^31 bytes. IBTA vol. 1, 9.7.7.2.</summary>
    public static bool FitsMessage(in SendWorkRequest request) =>
        request.TotalBytes <= ((request.Flags & SendFlags.Inline) != 0 ? ScatterGatherList.InlineCapacityBytes : 1u << 31);
}
