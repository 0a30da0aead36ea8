using RoceEngine.Interop;

namespace RoceEngine.Host;

/// <summary>A rest of one thread that others can end; ending it costs them nothing while there is none.</summary>
internal sealed class StandbyRest : IDisposable
{
    private const int None = 0;
    private const int Resting = 1;
    private const int Ended = 2;

    private readonly int _event = SystemCallException.Check(Events.Create(0, Events.EFD_CLOEXEC | Events.EFD_NONBLOCK), "eventfd");
    private int _state;

    /// <summary>Rests for so long at most; true when somebody ended it.</summary>
    public bool Take(long durationNs)
    {
        Volatile.Write(ref _state, Resting);
        Span<PollDescriptor> descriptors = [new PollDescriptor { Descriptor = _event, Events = PollDescriptor.POLLIN }];
        _ = Events.Wait(descriptors, durationNs);
        if (Interlocked.Exchange(ref _state, None) != Ended)
            return false;
        _ = Events.Drain(_event);
        return true;
    }

    /// <summary>Ends the rest that is under way, if any. From any thread.</summary>
    public void End()
    {
        if (Volatile.Read(ref _state) == Resting && Interlocked.CompareExchange(ref _state, Ended, Resting) == Resting)
            _ = Events.Signal(_event);
    }

    public void Dispose() => _ = Events.Close(_event);
}
