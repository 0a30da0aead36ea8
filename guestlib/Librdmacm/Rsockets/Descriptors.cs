using System.Runtime.InteropServices;

namespace RoceEngine.Librdmacm.Rsockets;

/// <summary>fcntl(2) of a library's own descriptors.</summary>
internal static partial class Descriptors
{
    /// <summary>O_NONBLOCK.</summary>
    public const int NonBlocking = 0x800;

    private const int SetFlags = 4;

    public static int SetBlocking(int descriptor, bool blocks) => Control(descriptor, SetFlags, blocks ? 0 : NonBlocking);

    // fcntl(2) is variadic in C; on Linux x86-64 and arm64 an integer argument travels as for a plain function.
    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int descriptor, int command, int argument);
}
