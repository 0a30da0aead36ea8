using System.Runtime.InteropServices;
using RoceEngine.Interop;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Libibverbs;

/// <summary>Exceptions become error numbers at the interface's edge, where nothing may throw.</summary>
internal static class Failure
{
    private static readonly bool s_explains = Environment.GetEnvironmentVariable("VRDMA_EXPLAIN") is "1";

    /// <summary>With VRDMA_EXPLAIN=1, says why work requests fail; else null.</summary>
    public static Action<string>? Explain { get; } = s_explains ? Tell : null;

    /// <summary>The error number of a failed call. With VRDMA_EXPLAIN=1 the reason goes to standard error, in words.</summary>
    public static int Of(Exception exception)
    {
        if (s_explains)
        {
            Tell(exception is VerbsException or SystemCallException ? exception.Message : exception.ToString());
        }

        return exception switch
        {
            VerbsException verbs => verbs.Errno,
            SystemCallException call => call.Errno,
            OutOfMemoryException => Errno.ENOMEM,
            ObjectDisposedException or ArgumentException or NullReferenceException => Errno.EINVAL,
            _ => Errno.EIO,
        };
    }

    /// <summary>For calls that return a pointer: sets errno and returns null.</summary>
    public static nint Null(Exception exception) => Null(Of(exception));

    /// <summary>For calls that return a pointer: sets errno and returns null.</summary>
    public static nint Null(int errno)
    {
        Marshal.SetLastSystemError(errno);
        return 0;
    }

    /// <summary>For calls that return -1: sets errno and returns that.</summary>
    public static int MinusOne(Exception exception) => MinusOne(Of(exception));

    /// <summary>For calls that return -1: sets errno and returns that.</summary>
    public static int MinusOne(int errno)
    {
        Marshal.SetLastSystemError(errno);
        return -1;
    }

    /// <summary>A line for the person who started the program.</summary>
    public static void Tell(string text) => Console.Error.WriteLine($"vrdma: {text}");
}
