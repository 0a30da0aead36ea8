namespace RoceEngine.PerfTool.Running;

/// <summary>
/// What a polling loop does when it found nothing: spins at first, then gives the core away between polls, so that on
/// few cores the peer or the daemon whose work is awaited gets to run. About as long as a round trip: a poll that also
/// drives a device asks the kernel for packets, one that only looks at memory costs a few nanoseconds.
/// </summary>
/// <param name="pollsDrive">True when an empty poll drives the device.</param>
internal struct IdleStrategy(bool pollsDrive)
{
    private const int SpinPollsOfDriver = 64;
    private const int SpinPollsOfLooker = int.MaxValue;

    private readonly int _spinPolls = pollsDrive ? SpinPollsOfDriver : SpinPollsOfLooker;
    private int _emptyPolls;

    /// <summary>Something was found: spin again.</summary>
    public void Reset() => _emptyPolls = 0;

    /// <summary>Nothing was found. Returns true now and then, as a time for rare checks.</summary>
    public bool Idle()
    {
        int polls = ++_emptyPolls;
        if (polls > _spinPolls)
            Thread.Yield();
        return (polls & 0xFF) == 0;
    }
}
