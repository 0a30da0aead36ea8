namespace RoceEngine.Capture;

/// <summary>A file is no pcap or pcapng file, is cut off, or contradicts itself. The message says what and at which byte.</summary>
public sealed class CaptureFormatException : Exception
{
    public CaptureFormatException(string message)
        : base(message)
    {
    }

    public CaptureFormatException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
