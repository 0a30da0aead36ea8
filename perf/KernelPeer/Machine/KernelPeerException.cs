namespace RoceEngine.KernelPeer.Machine;

/// <summary>The rig cannot be used; the message says why.</summary>
public sealed class KernelPeerException : Exception
{
    public KernelPeerException()
    {
    }

    public KernelPeerException(string message)
        : base(message)
    {
    }

    public KernelPeerException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>This machine does not let anybody make the rig's network, however complete the installation.</summary>
    public bool IsRefused { get; init; }
}
