namespace RoceEngine.Verbs;

/// <summary>The error numbers of Linux that this library uses.</summary>
public static class Errno
{
    /// <summary>EPERM: the objects belong to different protection domains, or a right is missing.</summary>
    public const int NotPermitted = 1;

    /// <summary>EIO: the device answered something impossible.</summary>
    public const int InputOutput = 5;

    /// <summary>ENOMEM: a queue is full, or guest RAM or a table of the device is exhausted.</summary>
    public const int NoMemory = 12;

    /// <summary>EBUSY: the object still has dependents.</summary>
    public const int Busy = 16;

    /// <summary>ENODEV: the device is gone.</summary>
    public const int NoDevice = 19;

    /// <summary>EINVAL: a value out of range, or not allowed in this state.</summary>
    public const int Invalid = 22;

    /// <summary>EOPNOTSUPP: the device lacks it.</summary>
    public const int NotSupported = 95;

    /// <summary>EADDRINUSE: guest RAM must be where this process has something else.</summary>
    public const int AddressInUse = 98;

    /// <summary>ETIMEDOUT: the device did not answer a command.</summary>
    public const int TimedOut = 110;
}
