namespace RoceEngine.SideBySide.Engine;

/// <summary>Two connected guests: the near one is the caller's, the far one does what it is told on a thread or in a process of its own.</summary>
internal interface IEnginePair : IDisposable
{
    /// <summary>The end that measures.</summary>
    Guest Near { get; }

    /// <summary>The other end.</summary>
    GuestAddress Far { get; }

    /// <summary>
    /// Looks at the own memory between two polls while waiting for a message. Where a host must be polled to receive: 1. Guests of one inline
    /// host drive it by turns, and who only waits leaves it to its peer.
    /// </summary>
    int LooksPerPoll { get; }

    /// <summary>Polls in vain before a waiting guest lets others run: see <see cref="Patience"/>.</summary>
    int SpinsBeforeYield { get; }

    /// <summary>Sets the far end to work; disposing of the result ends that, and throws what went wrong.</summary>
    /// <param name="task">What it does.</param>
    /// <param name="messageBytes">Bytes of each message.</param>
    /// <param name="seen">For an echo of WRITEs, the number of the last message before.</param>
    IFarEnd Begin(FarTask task, int messageBytes, byte seen = 0);
}

/// <summary>The far end at work.</summary>
internal interface IFarEnd : IDisposable
{
    /// <summary>True when it ended by itself, by failure: waiting for it is in vain.</summary>
    bool HasEnded { get; }

    /// <summary>Bytes that its thread allocated while it worked; 0 where nobody can tell. Valid after it was disposed of.</summary>
    long AllocatedBytes { get; }
}
