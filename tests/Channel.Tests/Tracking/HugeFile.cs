using System.Runtime.InteropServices;

namespace RoceEngine.Channel.Tests;

/// <summary>A file of a tmpfs with huge pages that is mounted nowhere: fsopen(2), fsconfig(2), fsmount(2).</summary>
internal static unsafe partial class HugeFile
{
    private const int CloseOnExec = 1;

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint a, nint b, nint c, nint d, nint e);

    /// <summary>The descriptor, or -1 where that is not permitted.</summary>
    public static int TryCreate(long bytes)
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return -1;
        fixed (byte* tmpfs = "tmpfs\0"u8, huge = "huge\0"u8, always = "always\0"u8, name = "ram\0"u8)
        {
            int context = (int)SystemCall(430, (nint)tmpfs, CloseOnExec, 0, 0, 0); // fsopen
            if (context < 0)
                return -1;
            int descriptor = -1;
            if (SystemCall(431, context, 1, (nint)huge, (nint)always, 0) >= 0 // fsconfig(FSCONFIG_SET_STRING)
                && SystemCall(431, context, 6, 0, 0, 0) >= 0 // fsconfig(FSCONFIG_CMD_CREATE)
                && SystemCall(432, context, CloseOnExec, 0, 0, 0) is >= 0 and var mount) // fsmount
            {
                const int flags = 0x2 | 0x40 | 0x80000; // O_RDWR | O_CREAT | O_CLOEXEC
                descriptor = (int)SystemCall(257, mount, (nint)name, flags, 0x180, 0); // openat
                _ = RoceEngine.Interop.Events.Close((int)mount);
            }
            _ = RoceEngine.Interop.Events.Close(context);
            if (descriptor >= 0 && RoceEngine.Interop.SharedMemory.Truncate(descriptor, bytes) < 0)
                return -1;
            return descriptor;
        }
    }
}
