namespace RoceEngine.Channel;

/// <summary>How a <see cref="GuestWriteTracker.Exchange"/> ended. In every case all threads go on.</summary>
public enum FreezeResult
{
    /// <summary>The range is the memory that came with the answer. Tracking has ended.</summary>
    Replaced,

    /// <summary>The answer brought no memory. The old memory stays.</summary>
    Refused,

    /// <summary>The answer's memory is smaller than the range, or not sealed against shrinking. The old memory stays.</summary>
    UnusableMemory,

    /// <summary>No answer in time; one that comes later is still to be read from the socket. The old memory stays.</summary>
    NoAnswer,

    /// <summary>The other side closed the socket. The old memory stays.</summary>
    PeerClosed,

    /// <summary>Somebody disposed the tracker meanwhile. The old memory stays.</summary>
    Interrupted,

    /// <summary>A system call failed, see <see cref="FreezeOutcome.FailedCall"/>. The old memory stays.</summary>
    Failed,
}

/// <summary>What came of a <see cref="GuestWriteTracker.Exchange"/>.</summary>
/// <param name="Result">How it ended.</param>
/// <param name="FrozenNs">Nanoseconds from before the freeze to after the thaw.</param>
/// <param name="WrittenRegions">Regions that were in the array of last written pages when the message was sent.</param>
/// <param name="FailedCall">The call that failed, or null.</param>
/// <param name="Errno">The failed call's error number; 0 for a message that was sent only in part, which leaves the socket
/// useless.</param>
public readonly record struct FreezeOutcome(FreezeResult Result, long FrozenNs, int WrittenRegions, string? FailedCall, int Errno);
