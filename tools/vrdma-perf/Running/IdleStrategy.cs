namespace RoceEngine.PerfTool.Running;

/// <summary>
/// What a polling loop does when it found nothing. One that drives its device spins for about a round trip, then gives the core away between polls, so
/// that on few cores the peer gets to run; the guest library of a daemon's device does that by itself.
/// </summary>
/// <param name="pollsDrive">True when an empty poll drives the device.</param>
internal struct IdleStrategy(bool pollsDrive)
{
    private const int SpinPollsOfDriver = 64;

    /// <summary>Polls between two rare checks, which may cost a call of the kernel.</summary>
    private const int PollsPerCheck = 1024;

    private int _emptyPolls;

    /// <summary>Something was found: spin again.</summary>
    public void Reset() => _emptyPolls = 0;

    /// <summary>Nothing was found. Returns true now and then, as a time for rare checks.</summary>
    public bool Idle()
    {
        int polls = ++_emptyPolls;
        if (pollsDrive && polls > SpinPollsOfDriver)
            Thread.Yield();
        return polls % PollsPerCheck == 0;
    }
}
