using System.Diagnostics;
using System.Net;
using RoceEngine.Embedded;

namespace RoceEngine.Verbs.Tests;

/// <summary>Two connected endpoints, and patience that outlasts an overloaded machine.</summary>
internal sealed class Duo : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static int s_lastAddress;
    private readonly List<IDisposable> _owned = [];

    public Duo(StackMode mode, EndpointOptions? options = null, EndpointOptions? rightOptions = null, bool connect = true)
    {
        options ??= new EndpointOptions();
        DriveMode drive = mode is StackMode.LocalInline or StackMode.UdpInline ? DriveMode.Inline : DriveMode.Thread;
        try
        {
            EmbeddedHost? shared = mode is StackMode.LocalThread or StackMode.LocalInline ? Own(EmbeddedHost.Create(new EmbeddedHostOptions { Drive = drive })) : null;
            Left = Own(new Endpoint(Open(drive, shared), options));
            Right = Own(new Endpoint(Open(drive, shared), rightOptions ?? options));
            if (connect)
            {
                Left.ConnectTo(Right.Address);
                Right.ConnectTo(Left.Address);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Endpoint Left { get; } = null!;

    public Endpoint Right { get; } = null!;

    /// <summary>Runs the engines where nobody else does.</summary>
    public void Progress()
    {
        Left.Context.Progress();
        Right.Context.Progress();
    }

    /// <summary>The next completion of a queue.</summary>
    public WorkCompletion Next(CompletionQueue queue)
    {
        Span<WorkCompletion> one = stackalloc WorkCompletion[1];
        long start = Stopwatch.GetTimestamp();
        var spin = default(SpinWait);
        while (queue.Poll(one) == 0)
        {
            Progress();
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, "no completion came");
            spin.SpinOnce(sleep1Threshold: 200);
        }

        return one[0];
    }

    /// <summary>The next completion, which must have succeeded.</summary>
    public WorkCompletion NextSuccess(CompletionQueue queue)
    {
        WorkCompletion completion = Next(queue);
        Assert.Equal(CompletionStatus.Success, completion.Status);
        return completion;
    }

    /// <summary>Waits until something is so.</summary>
    public void Until(Func<bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        var spin = default(SpinWait);
        while (!condition())
        {
            Progress();
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, what);
            spin.SpinOnce(sleep1Threshold: 200);
        }
    }

    /// <summary>The next asynchronous event of a context.</summary>
    public AsyncEvent NextEvent(Endpoint end)
    {
        AsyncEvent found = default;
        Until(() => end.Context.TryGetAsyncEvent(out found), "no asynchronous event came");
        return found;
    }

    public void Dispose()
    {
        for (int i = _owned.Count - 1; i >= 0; i--)
            _owned[i].Dispose();
    }

    /// <summary>An address that no other test of this project has.</summary>
    public static IPAddress NextAddress()
    {
        int number = Interlocked.Increment(ref s_lastAddress);
        return new IPAddress([127, 13, (byte)(1 + (number / 250)), (byte)(1 + (number % 250))]);
    }

    private RdmaContext Open(DriveMode drive, EmbeddedHost? host) =>
        Own(EmbeddedRdma.Open(new EmbeddedOptions { Address = NextAddress(), MemoryBytes = 16 << 20, Drive = drive, Host = host }));

    private T Own<T>(T disposable)
        where T : IDisposable
    {
        _owned.Add(disposable);
        return disposable;
    }
}
