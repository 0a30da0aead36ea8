namespace RoceEngine.HostStream;

/// <summary>One message between hosts.</summary>
/// <param name="Type">What the payload is; the users of the connection agree on the numbers.</param>
/// <param name="Payload">The bytes, valid until the next receive on the same connection.</param>
public readonly record struct HostFrame(ushort Type, ReadOnlyMemory<byte> Payload);
