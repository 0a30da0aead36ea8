namespace RoceEngine.PerfTool.Running;

/// <summary>
/// What a polling loop does when it found nothing: spins at first, then gives the core away between polls, so that on
/// few cores the peer or the daemon whose work is awaited gets to run.
/// </summary>
internal struct IdleStrategy
{
    /// <summary>Empty polls in a row before the core is offered to others.</summary>
    private const int SpinPolls = 2000;

    private int _emptyPolls;

    /// <summary>Something was found: spin again.</summary>
    public void Reset() => _emptyPolls = 0;

    /// <summary>Nothing was found. Returns true now and then, as a time for rare checks.</summary>
    public bool Idle()
    {
        int polls = ++_emptyPolls;
        if (polls > SpinPolls)
            Thread.Yield();
        return (polls & 0xFF) == 0;
    }
}
