using System.Runtime.InteropServices;
using RoceEngine.Libibverbs;
using RoceEngine.Verbs;

namespace RoceEngine.Librdmacm.Exports;

/// <summary>rsocket(7).</summary>
internal static class SocketExports
{
    /// <summary>-1 with EOPNOTSUPP.</summary>
    [UnmanagedCallersOnly(EntryPoint = "vrdma_no_socket")]
    public static nint NoSocket() => Failure.MinusOne(Errno.NotSupported);
}
