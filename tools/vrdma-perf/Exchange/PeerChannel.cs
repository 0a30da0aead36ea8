namespace RoceEngine.PerfTool.Exchange;

/// <summary>The two sides cannot work together, or one went away: a line for the user and exit code 1.</summary>
internal sealed class PeerException(string message) : Exception(message)
{
    /// <summary>True when it only tells of a failure that the other side has seen itself.</summary>
    public bool IsEcho { get; init; }
}

/// <summary>Messages between the two sides of a test, in order. One thread uses a channel.</summary>
internal interface IPeerChannel : IDisposable
{
    /// <summary>Sends a message.</summary>
    /// <exception cref="PeerException">The other side is gone.</exception>
    void Send(PeerMessage message);

    /// <summary>Takes the next message; null when none came within the time.</summary>
    /// <param name="waitMs">Milliseconds to wait; 0 to look only.</param>
    /// <exception cref="PeerException">The other side is gone, or does not speak this protocol.</exception>
    PeerMessage? TryReceive(int waitMs);
}
