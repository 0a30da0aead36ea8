namespace RoceEngine.Capture;

/// <summary>One frame of a capture.</summary>
/// <param name="Number">1 for the first frame of the file.</param>
/// <param name="TimestampNs">Nanoseconds since the Unix epoch; 0 where the file has none.</param>
/// <param name="LinkType">How the frame begins.</param>
/// <param name="OriginalBytes">Bytes that the frame had on the wire; more than were captured when a snap length cut it.</param>
/// <param name="Bytes">What was captured; valid until the next frame is read.</param>
public readonly record struct CapturedFrame(
    long Number, long TimestampNs, LinkType LinkType, long OriginalBytes, ReadOnlyMemory<byte> Bytes);
