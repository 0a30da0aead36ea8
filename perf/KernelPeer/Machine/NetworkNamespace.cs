using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace RoceEngine.KernelPeer.Machine;

/// <summary>A thread inside a network namespace: the sockets that it makes and the processes that it starts are of that namespace.</summary>
internal sealed partial class NetworkNamespace : IDisposable
{
    private const int AnyNamespace = 0;

    private readonly BlockingCollection<Action> _actions = [];
    private readonly Thread _thread;

    /// <summary>Enters a namespace that <c>ip netns add</c> made.</summary>
    /// <exception cref="KernelPeerException">It is not there or may not be entered.</exception>
    public NetworkNamespace(string name)
    {
        TaskCompletionSource<int> entered = new();
        _thread = new Thread(() => Run(name, entered)) { IsBackground = true, Name = $"namespace {name}" };
        _thread.Start();
        if (entered.Task.GetAwaiter().GetResult() is not 0 and int error)
            throw new KernelPeerException($"the network namespace {name} cannot be entered: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    /// <summary>Has the thread call a function, which should not take long.</summary>
    public Task<T> InsideAsync<T>(Func<T> function)
    {
        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _actions.Add(() =>
        {
            try
            {
                done.SetResult(function());
            }
            catch (Exception failure)
            {
                done.SetException(failure);
            }
        });
        return done.Task;
    }

    public void Dispose()
    {
        _actions.CompleteAdding();
        _thread.Join();
        _actions.Dispose();
    }

    private void Run(string name, TaskCompletionSource<int> entered)
    {
        int error = Enter($"/run/netns/{name}");
        entered.SetResult(error);
        if (error != 0)
            return;
        foreach (Action action in _actions.GetConsumingEnumerable())
            action();
    }

    private static int Enter(string path)
    {
        if (!File.Exists(path))
            return 2;
        using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(path);
        return SetNamespace(file, AnyNamespace) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(SafeHandle file, int kind);
}
