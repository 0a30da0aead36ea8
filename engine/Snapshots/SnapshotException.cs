namespace RoceEngine.Snapshots;

/// <summary>
/// A snapshot or the restore ledger cannot be written, read or believed. The message is one sentence for the operator.
/// Nothing else is thrown for what a file holds or a disk does.
/// </summary>
public sealed class SnapshotException : Exception
{
    public SnapshotException(string message)
        : base(message)
    {
    }

    public SnapshotException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>True for what the operating system throws when a file cannot be opened, read, written or renamed.</summary>
    internal static bool IsFileTrouble(Exception exception) =>
        exception is IOException or UnauthorizedAccessException or NotSupportedException or ObjectDisposedException;
}
