using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

/// <summary>
/// Part of every test project. A shell has what it starts in the background ignore the keyboard's signals, and all that tests start would inherit that and not heed
/// the signals that they are sent.
/// </summary>
internal static partial class KeyboardSignals
{
    private const int Interrupt = 2;
    private const int Quit = 3;

    [ModuleInitializer]
    internal static void Heed()
    {
        const string name = "SigIgn:";
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal));
        ulong ignored = ulong.Parse(line.AsSpan(name.Length).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        foreach (int signal in (int[])[Interrupt, Quit])
        {
            if ((ignored & (1UL << (signal - 1))) != 0)
                _ = SetHandler(signal, 0);
        }
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetHandler(int signal, nint handler);
}
