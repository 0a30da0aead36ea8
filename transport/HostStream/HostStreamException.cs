namespace RoceEngine.HostStream;

/// <summary>
/// Something between two hosts failed. The message is one sentence for a person; <see cref="Fault"/> is for the program.
/// No other exception of sockets, TLS or files leaves this library, save <see cref="OperationCanceledException"/> for the
/// caller's own token.
/// </summary>
public sealed class HostStreamException : Exception
{
    public HostStreamException(HostStreamFault fault, string message, Exception? inner = null)
        : base(message, inner) => Fault = fault;

    /// <summary>What kind of failure it is.</summary>
    public HostStreamFault Fault { get; }
}

/// <summary>Kinds of failure, as far as a program would act upon the difference.</summary>
public enum HostStreamFault
{
    /// <summary>Certificates, keys, or the address to listen at: nothing was tried yet, a person must change something.</summary>
    Configuration,

    /// <summary>Nobody was reached: no such host, nobody listens, no route, no answer.</summary>
    Unreachable,

    /// <summary>One of the hosts does not trust or understand the other: certificate, TLS or not, versions, or no host at all.</summary>
    Refused,

    /// <summary>The other host stopped taking or sending.</summary>
    Idle,

    /// <summary>The other host sent what no frame is, or a payload is too large to be sent.</summary>
    Protocol,

    /// <summary>The connection ended, in order or not, on this side or the other.</summary>
    Closed,
}
