namespace RoceEngine.Verbs;

/// <summary>A completion queue. <c>ibv_create_cq</c>, <c>ibv_destroy_cq</c>. Safe for concurrent use; polling allocates nothing.</summary>
public sealed unsafe class CompletionQueue : IDisposable
{
    /// <summary>The device.</summary>
    public RdmaContext Context => throw new NotSupportedException();

    /// <summary>Entries that it holds.</summary>
    public int Capacity => throw new NotSupportedException();

    /// <summary>The channel it was made with.</summary>
    public CompletionChannel? Channel => throw new NotSupportedException();

    /// <summary>Takes completions, oldest first. <c>ibv_poll_cq</c>. In embedded inline mode an empty queue first runs the engine once.</summary>
    /// <param name="completions">Where to put them; its length is the most that is taken.</param>
    /// <returns>How many were taken; 0 when there are none.</returns>
    /// <exception cref="DeviceLostException">The device is gone, and no completion of before is left.</exception>
    public int Poll(Span<WorkCompletion> completions) => throw new NotSupportedException();

    /// <summary>
    /// Arms the CQ: the next completion after this call puts one notification into its channel. <c>ibv_req_notify_cq</c>.
    /// Completions already there do not: arm, then poll once more, then wait.
    /// </summary>
    /// <param name="solicitedOnly">Only for completions that are solicited or in error. Does not weaken a stronger request still pending.</param>
    public void RequestNotification(bool solicitedOnly = false) => throw new NotSupportedException();

    /// <summary>
    /// Waits until the queue holds a completion: arms, looks again, sleeps. Needs no channel. Allocates nothing in steady state.
    /// Several waiters are allowed; each wakes, and may find that another was faster.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public ValueTask WaitAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Destroys the queue. <c>ibv_destroy_cq</c>.</summary>
    /// <exception cref="VerbsException">EBUSY: a QP still completes here.</exception>
    public void Dispose() => throw new NotSupportedException();
}
