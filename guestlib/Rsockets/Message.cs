namespace RoceEngine.Rsockets;

/// <summary>What the immediate data of a WRITE says: its upper three bits.</summary>
public enum MessageKind : uint
{
    /// <summary>The WRITE carried bytes of the stream; the value is how many.</summary>
    Data = 0,

    /// <summary>The receiver has room again; the value is the sequence number that the sender may not reach.</summary>
    Credits = 4,

    /// <summary>An entry of the receiver's table of mapped buffers is new; the value is its index.</summary>
    Mapping = 6,

    /// <summary>About the connection; the value is a <see cref="ControlMessage"/>.</summary>
    Control = 7,
}

/// <summary>The value of a <see cref="MessageKind.Control"/> message.</summary>
public enum ControlMessage : uint
{
    /// <summary>The sender neither sends nor receives any more.</summary>
    Disconnect = 0,

    /// <summary>Are you there? Never received: it travels without immediate data, so that the peer's device alone answers it.</summary>
    KeepAlive = 1,

    /// <summary>The sender does not send any more.</summary>
    Shutdown = 2,
}

/// <summary>
/// The 32 bits of immediate data, as a number: kind (3) | value (29). rdma-core, <c>librdmacm/docs/rsocket</c>, "Message Format".
/// </summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Value">29 bits.</param>
public readonly record struct Message(MessageKind Kind, uint Value)
{
    private const int KindShift = 29;

    /// <summary>The largest value.</summary>
    public const uint ValueMax = (1u << KindShift) - 1;

    /// <summary>The message in immediate data.</summary>
    public static Message Of(uint immediate) => new((MessageKind)(immediate >> KindShift), immediate & ValueMax);

    /// <summary>The immediate data.</summary>
    public uint ToImmediate() => ((uint)Kind << KindShift) | Value;
}
