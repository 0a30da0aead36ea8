namespace RoceEngine.Verbs;

/// <summary>Completion statuses in words: the constant, what it means, and what usually is behind it.</summary>
public static class CompletionStatusExplanation
{
    private static readonly (string Constant, string Text)[] s_all =
    [
        ("IBV_WC_SUCCESS", "The work request was carried out."),
        ("IBV_WC_LOC_LEN_ERR",
            "A message did not fit: the receive was smaller than what arrived, or a send was longer than the port (UD: the path MTU) allows."),
        ("IBV_WC_LOC_QP_OP_ERR",
            "The queue pair could not carry out the request: its descriptor is inconsistent (entries, inline length, opcode), or the QP was not set up for it."),
        ("IBV_WC_LOC_EEC_OP_ERR", "An end-to-end context failed; only the RD service, which this device lacks, has those."),
        ("IBV_WC_LOC_PROT_ERR",
            "A local scatter/gather entry is not allowed: wrong or dead local key, outside its region, other protection domain, or no LocalWrite where data arrives."),
        ("IBV_WC_WR_FLUSH_ERR",
            "Not carried out, because the queue pair was in the error state: look for the first completion with another status, or who moved or disconnected the QP."),
        ("IBV_WC_MW_BIND_ERR",
            "A bind or fast registration failed: the region lacks WindowBind or the rights, the range leaves it, or the window or region was still in use."),
        ("IBV_WC_BAD_RESP_ERR", "The responder answered with something impossible, such as the wrong opcode or length: a broken or hostile peer."),
        ("IBV_WC_LOC_ACCESS_ERR", "A peer's WRITE with immediate could not be placed here: its key, range or right failed while a receive was consumed."),
        ("IBV_WC_REM_INV_REQ_ERR",
            "The responder refused the request as invalid: its receive was too small, the QP does not allow the operation, or an atomic was misaligned."),
        ("IBV_WC_REM_ACCESS_ERR",
            "The responder refused access: wrong or dead remote key, a range outside its region, or a region without the right for this operation."),
        ("IBV_WC_REM_OP_ERR", "The responder could not finish the operation: a fault on its side, often a bad scatter/gather entry in its receive."),
        ("IBV_WC_RETRY_EXC_ERR",
            "No answer within timeout and retries: the peer is gone or its QP is not ready, the address, QP number or PSN is wrong, or too many packets get lost."),
        ("IBV_WC_RNR_RETRY_EXC_ERR", "The peer had no receive posted, RNR retry after RNR retry: post receives earlier or more of them, or set rnr_retry to 7 (for ever)."),
        ("IBV_WC_LOC_RDD_VIOL_ERR", "Two ends differ in their reliable datagram domain; only the RD service, which this device lacks, has those."),
        ("IBV_WC_REM_INV_RD_REQ_ERR", "The responder refused a reliable datagram request; only the RD service, which this device lacks, has those."),
        ("IBV_WC_REM_ABORT_ERR", "The responder aborted the operation."),
        ("IBV_WC_INV_EECN_ERR", "No end-to-end context has this number; only the RD service, which this device lacks, has those."),
        ("IBV_WC_INV_EEC_STATE_ERR", "The end-to-end context is in the wrong state; only the RD service, which this device lacks, has those."),
        ("IBV_WC_FATAL_ERR", "The transport failed in a way from which this queue pair does not recover: destroy it or reset it."),
        ("IBV_WC_RESP_TIMEOUT_ERR", "The response did not come in time."),
        ("IBV_WC_GENERAL_ERR", "Some other error; the vendor error may tell more."),
    ];

    /// <summary>All statuses that have an explanation, in the order of their values.</summary>
    public static IReadOnlyList<CompletionStatus> All { get; } = [.. Enumerable.Range(0, s_all.Length).Select(value => (CompletionStatus)value)];

    /// <summary>What a status means and what usually causes it: one line, for a person.</summary>
    /// <param name="status">Any value; those without a meaning are told so.</param>
    public static string Explain(this CompletionStatus status) =>
        (uint)status < (uint)s_all.Length ? s_all[(int)status].Text : $"No completion status has the value {(int)status}.";

    /// <summary>The constant of <c>enum ibv_wc_status</c>, such as <c>IBV_WC_RETRY_EXC_ERR</c>.</summary>
    /// <param name="status">Any value; those without a constant become their number.</param>
    public static string ConstantName(this CompletionStatus status) =>
        (uint)status < (uint)s_all.Length ? s_all[(int)status].Constant : ((int)status).ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>
    /// Finds a status by its constant (the prefix <c>IBV_WC_</c> may be missing), its name in <see cref="CompletionStatus"/>, or its number; upper or
    /// lower case.
    /// </summary>
    /// <param name="text">Such as <c>RETRY_EXC_ERR</c>, <c>RetryExceededError</c> or <c>12</c>.</param>
    /// <param name="status">The status.</param>
    /// <returns>False when there is none of that name.</returns>
    public static bool TryParse(string? text, out CompletionStatus status)
    {
        string name = (text ?? string.Empty).Trim();
        for (int value = 0; value < s_all.Length; value++)
        {
            status = (CompletionStatus)value;
            string constant = s_all[value].Constant;
            if (Is(constant) || Is(constant["IBV_WC_".Length..]) || Is(status.ToString()) || Is(value.ToString(System.Globalization.CultureInfo.InvariantCulture)))
            {
                return true;
            }
        }

        status = default;
        return false;

        bool Is(string candidate) => string.Equals(candidate, name, StringComparison.OrdinalIgnoreCase);
    }
}
