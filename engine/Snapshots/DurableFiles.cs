using System.Runtime.InteropServices;
using System.Text;
using RoceEngine.Interop;

namespace RoceEngine.Snapshots;

/// <summary>Files for their owner alone, and what .NET lacks to make a rename outlive a power cut: fsync(2) of a directory.</summary>
internal static unsafe partial class DurableFiles
{
    private const int O_RDONLY = 0;
    private const int O_DIRECTORY_X64 = 0x10000;
    private const int O_DIRECTORY_ARM64 = 0x4000;
    private const int O_CLOEXEC = 0x80000;

    // open(2) is variadic in C; without O_CREAT it takes two arguments, which travel as for a plain function.
    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial int Open(byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Synchronize(int descriptor);

    /// <summary>The directory of a path, "." for a bare name.</summary>
    public static string DirectoryOf(string path) =>
        Path.GetDirectoryName(path) is { Length: > 0 } directory ? directory : Path.IsPathRooted(path) ? "/" : ".";

    /// <summary>Opens a file for writing, unbuffered; a new one belongs to its owner alone.</summary>
    /// <exception cref="IOException">As <see cref="FileStream"/> throws it, or <see cref="UnauthorizedAccessException"/>.</exception>
    public static FileStream OpenPrivate(string path, FileMode mode, FileShare share)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.Write, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(path, options);
    }

    /// <summary>Makes the names in a directory durable. Silent on file systems that cannot.</summary>
    /// <exception cref="SystemCallException">The directory cannot be opened, or the disk failed.</exception>
    public static void SynchronizeDirectory(string directory)
    {
        int directoryFlag = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? O_DIRECTORY_ARM64 : O_DIRECTORY_X64;
        int descriptor;
        fixed (byte* path = Encoding.UTF8.GetBytes(directory + "\0"))
            descriptor = SystemCallException.Check(Open(path, O_RDONLY | O_CLOEXEC | directoryFlag), $"open({directory})");
        int result = Synchronize(descriptor);
        int errno = Marshal.GetLastPInvokeError();
        Events.Close(descriptor);
        if (result < 0 && errno != Errno.EINVAL)
            throw new SystemCallException($"fsync({directory})", errno);
    }
}
