namespace RoceEngine.Channel;

/// <summary>The way to the daemon failed: no daemon, a broken socket, or a reply that makes no sense.</summary>
public class ChannelException : IOException
{
    public ChannelException(string message)
        : base(message)
    {
    }

    public ChannelException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

/// <summary>Guest RAM of another process cannot be this one's.</summary>
public sealed class RestoredMemoryException(int errno, string message) : ChannelException(message)
{
    /// <summary>EADDRINUSE: something else is where it must be. EOPNOTSUPP: it has no notes for another process, or of another version.</summary>
    public int Errno { get; } = errno;
}

/// <summary>The daemon understood the request and refused it; the message is the daemon's reason.</summary>
public sealed class ChannelRefusedException : ChannelException
{
    public ChannelRefusedException(string reason)
        : base(reason)
    {
    }
}
