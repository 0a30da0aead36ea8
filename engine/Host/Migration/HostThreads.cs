namespace RoceEngine.Host.Migration;

/// <summary>How work on the thread pool gets things done on the threads that own them.</summary>
internal sealed class HostThreads(Action<Action> post)
{
    /// <summary>On the conductor's thread.</summary>
    public async Task<T> OnConductor<T>(Func<T> action)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        post(() =>
        {
            try
            {
                done.SetResult(action());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return await done.Task.ConfigureAwait(false);
    }

    /// <summary>On the conductor's thread.</summary>
    public Task OnConductor(Action action) => OnConductor(() =>
    {
        action();
        return true;
    });

    /// <summary>On a worker's thread, between two turns.</summary>
    public static async Task<T> OnWorker<T>(Worker worker, Func<Worker, long, T> action)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        T result = default!;
        var command = new WorkerCommand((owner, nowNs) => result = action(owner, nowNs), _ => done.SetResult()) { IsUrgent = Urgency.IsOn };
        worker.Post(command);

        // Who is urgent goes on where it is, on a thread that goes before all others as soon as it is woken; any other thread would have to wait for a core first.
        if (command.IsUrgent)
            done.Task.Wait();
        await done.Task.ConfigureAwait(false);
        if (command.Error is { } error)
            throw error;
        return result;
    }

    /// <summary>On a worker's thread, between two turns.</summary>
    public static Task OnWorker(Worker worker, Action<Worker, long> action) => OnWorker(worker, (owner, nowNs) =>
    {
        action(owner, nowNs);
        return true;
    });
}
