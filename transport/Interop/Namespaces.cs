using System.Runtime.InteropServices;
using System.Text;

namespace RoceEngine.Interop;

/// <summary>Mount namespaces: what one program sees of the file system, and nobody else. mount_namespaces(7).</summary>
public static unsafe partial class Namespaces
{
    private const int NewMountNamespace = 0x0002_0000;
    private const nuint BindFlag = 4096;
    private const nuint MoveFlag = 8192;
    private const nuint RecursiveFlag = 16384;
    private const nuint SlaveFlag = 1 << 19;
    private const nuint NoSuidFlag = 2;
    private const int AmbientCapabilities = 47;
    private const nuint ClearAll = 4;

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true)]
    private static partial int Mount(byte* source, byte* target, byte* type, nuint flags, byte* options);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int Control(int option, nuint second, nuint third, nuint fourth, nuint fifth);

    /// <summary>
    /// Gives the calling thread, and the program that it becomes, mounts of their own. Mounts of others go on appearing here, and none from here
    /// appears elsewhere. Returns 0 or the error number, EPERM for who may not.
    /// </summary>
    public static int LeaveMounts() => Unshare(NewMountNamespace) != 0 ? Marshal.GetLastPInvokeError() : Call(null, "/", null, RecursiveFlag | SlaveFlag, null);

    /// <summary>Mounts an empty file system in memory. Returns 0 or the error number.</summary>
    /// <param name="target">A directory.</param>
    public static int MountEmpty(string target) => Call("vrdma", target, "tmpfs", NoSuidFlag, "mode=755");

    /// <summary>Shows a file, or a directory with all that is mounted below it, at another place too. Returns 0 or the error number.</summary>
    public static int Bind(string source, string target) => Call(source, target, null, BindFlag | RecursiveFlag, null);

    /// <summary>Moves a mount. Returns 0 or the error number.</summary>
    public static int Move(string source, string target) => Call(source, target, null, MoveFlag, null);

    /// <summary>The program that this process becomes gets no capability that its user would not have.</summary>
    public static void DropAmbientCapabilities() => _ = Control(AmbientCapabilities, ClearAll, 0, 0, 0);

    private static int Call(string? source, string target, string? type, nuint flags, string? options)
    {
        fixed (byte* sourceBytes = ToBytes(source), targetBytes = ToBytes(target), typeBytes = ToBytes(type), optionBytes = ToBytes(options))
            return Mount(sourceBytes, targetBytes, typeBytes, flags, optionBytes) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    private static byte[]? ToBytes(string? text) => text is null ? null : Encoding.UTF8.GetBytes(text + '\0');
}
