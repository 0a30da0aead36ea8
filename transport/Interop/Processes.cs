using System.Runtime.InteropServices;
using System.Text;

namespace RoceEngine.Interop;

/// <summary>This process, which may become another program, and what the kernel tells of others: getpid(2), execvpe(3), proc(5).</summary>
public static unsafe partial class Processes
{
    private const int SignalPipe = 13;

    [LibraryImport("libc", EntryPoint = "execvpe", SetLastError = true)]
    private static partial int Execute(byte* file, byte** arguments, byte** environment);

    [LibraryImport("libc", EntryPoint = "getpid")]
    private static partial int GetProcessId();

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetSignalHandler(int signal, nint handler);

    /// <summary>The number of this process. The runtime's own is its parent's in a child of a fork.</summary>
    public static int CurrentId => GetProcessId();

    /// <summary>True when a process does not run because a signal or a debugger stopped it; false too when nothing is known of it.</summary>
    public static bool IsStopped(int processId)
    {
        try
        {
            // The name before the state may hold anything but ends at the last parenthesis.
            string text = File.ReadAllText($"/proc/{processId}/stat");
            int end = text.LastIndexOf(')');
            return end >= 0 && end + 2 < text.Length && text[end + 2] is 'T' or 't';
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>
    /// Makes this process the given program: same process id, descriptors and terminal. Does not return when it succeeds; else returns the error number,
    /// ENOENT when there is no such program on the PATH.
    /// </summary>
    /// <param name="program">A path, or a name that is searched on the PATH.</param>
    /// <param name="arguments">Arguments behind the program's own name.</param>
    /// <param name="environment">The whole environment.</param>
    public static int Become(string program, IEnumerable<string> arguments, IEnumerable<KeyValuePair<string, string>> environment)
    {
        byte** argumentVector = ToVector([program, .. arguments]);
        byte** environmentVector = ToVector([.. environment.Select(variable => $"{variable.Key}={variable.Value}")]);

        // The runtime ignores SIGPIPE, and a program inherits what is ignored.
        nint before = SetSignalHandler(SignalPipe, 0);
        _ = Execute(argumentVector[0], argumentVector, environmentVector);
        int errno = Marshal.GetLastPInvokeError();
        _ = SetSignalHandler(SignalPipe, before);
        Free(argumentVector);
        Free(environmentVector);
        return errno;
    }

    private static byte** ToVector(string[] texts)
    {
        var vector = (byte**)NativeMemory.AllocZeroed((nuint)(texts.Length + 1), (nuint)sizeof(nint));
        for (int i = 0; i < texts.Length; i++)
        {
            int bytes = Encoding.UTF8.GetByteCount(texts[i]);
            vector[i] = (byte*)NativeMemory.AllocZeroed((nuint)bytes + 1);
            Encoding.UTF8.GetBytes(texts[i], new Span<byte>(vector[i], bytes));
        }

        return vector;
    }

    private static void Free(byte** vector)
    {
        for (byte** text = vector; *text != null; text++)
            NativeMemory.Free(*text);
        NativeMemory.Free(vector);
    }
}
