using RoceEngine.PerfTool.Exchange;
using RoceEngine.Verbs;

namespace RoceEngine.PerfTool.Running;

/// <summary>Failed completions as a line for the user.</summary>
internal static class CompletionError
{
    /// <summary>Throws when the completion is a failure.</summary>
    public static void ThrowIfFailed(in WorkCompletion completion)
    {
        if (completion.Status != CompletionStatus.Success)
            Throw(completion);
    }

    private static void Throw(in WorkCompletion completion) =>
        throw new PeerException(
            $"a {((completion.WorkRequestId & MessagePoster.ReceiveMark) != 0 ? "receive" : "send")} on QP 0x{completion.QueuePairNumber:x6} failed: "
            + $"{completion.Status} (status {(int)completion.Status}, vendor error {completion.VendorError}): {completion.Status.Explain()}");
}
