namespace RoceEngine.Verbs;

/// <summary>Where notifications of CQs are waited for. <c>ibv_create_comp_channel</c>. Safe for concurrent use.</summary>
public sealed class CompletionChannel : IDisposable
{
    /// <summary>
    /// Takes the next notification, waiting for it: <c>ibv_get_cq_event</c> (and <c>ibv_ack_cq_events</c>, which needs no call here).
    /// The CQ is then no longer armed.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public ValueTask<CompletionQueue> GetEventAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Takes a notification if there is one. <c>ibv_get_cq_event</c> on a non-blocking channel.</summary>
    /// <param name="completionQueue">The CQ that fired.</param>
    /// <returns>False when there is none.</returns>
    public bool TryGetEvent([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out CompletionQueue? completionQueue) => throw new NotSupportedException();

    /// <summary>Closes the channel. <c>ibv_destroy_comp_channel</c>.</summary>
    /// <exception cref="VerbsException">EBUSY: a CQ still uses it.</exception>
    public void Dispose() => throw new NotSupportedException();
}
