using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace RoceEngine.Interop;

/// <summary>A system call failed during set-up. The datapath never throws it: it counts errors.</summary>
public sealed class SystemCallException : IOException
{
    /// <param name="call">The call's name, with what it was applied to where that helps the reader.</param>
    /// <param name="errno">The error number.</param>
    public SystemCallException(string call, int errno)
        : base($"{call}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})")
    {
        Call = call;
        Errno = errno;
    }

    /// <summary>The call that failed.</summary>
    public string Call { get; }

    /// <summary>The error number, see <see cref="Interop.Errno"/>.</summary>
    public int Errno { get; }

    /// <summary>Gives back a result that is not negative; throws with the last error otherwise.</summary>
    public static int Check(int result, string call)
    {
        if (result < 0)
            ThrowLast(call);
        return result;
    }

    /// <summary>Gives back a result that is not negative; throws with the last error otherwise.</summary>
    public static nint Check(nint result, string call)
    {
        if (result < 0)
            ThrowLast(call);
        return result;
    }

    /// <summary>Throws for the error number that the last call on this thread left.</summary>
    [DoesNotReturn]
    public static void ThrowLast(string call) => throw new SystemCallException(call, Marshal.GetLastPInvokeError());
}
