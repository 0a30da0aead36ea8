namespace RoceEngine.Verbs;

/// <summary>A verb that failed, with the errno that the <c>ibv_*</c> call would have returned.</summary>
public class VerbsException : IOException
{
    /// <summary>A failure of the named verb.</summary>
    /// <param name="errno">The error number, positive, as in errno(3).</param>
    /// <param name="message">What failed and why, for a person.</param>
    public VerbsException(int errno, string message)
        : base(message) => Errno = errno;

    /// <summary>A failure with its cause.</summary>
    /// <param name="errno">The error number, positive, as in errno(3).</param>
    /// <param name="message">What failed and why, for a person.</param>
    /// <param name="innerException">The cause.</param>
    public VerbsException(int errno, string message, Exception? innerException)
        : base(message, innerException) => Errno = errno;

    /// <summary>The error number, positive, as in errno(3): 22 is EINVAL, 12 ENOMEM, 16 EBUSY.</summary>
    public int Errno { get; }
}

/// <summary>
/// The device is gone: the daemon died or closed it, or the device failed. Errno is ENODEV. Nothing on this context works any more except Dispose.
/// </summary>
public sealed class DeviceLostException : VerbsException
{
    /// <summary>The device is gone for this reason.</summary>
    /// <param name="message">What was noticed.</param>
    public DeviceLostException(string message)
        : base(Verbs.Errno.NoDevice, message)
    {
    }

    /// <summary>
    /// True when the device went back to a snapshot (<c>vrdma rollback</c>): it is there, with the memory of then, for whoever takes it by
    /// <see cref="RdmaContext.AttachRestored"/>. That may be this process, once it has disposed of the context that was lost.
    /// </summary>
    public bool WasRolledBack { get; init; }
}
