using RoceEngine.Simulation.Checking;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <summary>
/// The send work requests of a queue pair that have not ended, oldest first. Each ends once and in order; one that was not signalled ends
/// silently with the next that is. After the first failure every one ends with a flush of its own.
/// </summary>
internal sealed class SendLedger(string owner)
{
    private readonly Queue<PostedSend> _posted = new();
    private bool _hasFailed;

    /// <summary>Requests that have not ended.</summary>
    public int Count => _posted.Count;

    /// <summary>Those, oldest first.</summary>
    public IEnumerable<PostedSend> Outstanding => _posted;

    /// <summary>
    /// The queue pair is in error, and no more completions are due. Requests that were not signalled may have succeeded without a word
    /// before it failed, when none after them failed.
    /// </summary>
    public bool IsFlushed => _posted.Count == 0 || (!_hasFailed && _posted.All(send => !send.IsSignaled));

    public void Add(PostedSend send) => _posted.Enqueue(send);

    /// <summary>Finds the request that a completion is about. Those before it, which must be unsignalled, have succeeded silently.</summary>
    public PostedSend Complete(in WorkCompletion completion, Action<PostedSend> onSilentSuccess)
    {
        ulong id = completion.WorkRequestId;
        CompletionStatus status = completion.Status;
        while (true)
        {
            if (!_posted.TryDequeue(out PostedSend? oldest))
                throw new SimulationFailure($"{owner}: send #{id} completed with {status}, but nothing is outstanding");
            if (oldest.Id == id)
            {
                Check(oldest, status);
                return oldest;
            }
            SimulationFailure.Unless(
                !oldest.IsSignaled && !_hasFailed, () => $"{owner}: send #{id} completed with {status} before #{oldest.Id}");
            onSilentSuccess(oldest);
        }
    }

    private void Check(PostedSend send, CompletionStatus status)
    {
        if (status == CompletionStatus.Success)
        {
            SimulationFailure.Unless(send.IsSignaled, () => $"{owner}: send #{send.Id} was not signalled, and completed");
            SimulationFailure.Unless(!_hasFailed, () => $"{owner}: send #{send.Id} succeeded after a failure");
            return;
        }
        SimulationFailure.Unless(
            !_hasFailed || status == CompletionStatus.FlushError, () => $"{owner}: send #{send.Id} ended with {status} after a failure");
        _hasFailed = true;
    }
}
