using System.Diagnostics;
using System.Globalization;

namespace EndToEnd.Tests.Support;

/// <summary>Signals to processes, and whether they live.</summary>
internal static class Signals
{
    public static void Interrupt(int processId) => Send("INT", processId);

    public static void Terminate(int processId) => Send("TERM", processId);

    public static void Kill(int processId) => Send("KILL", processId);

    /// <summary>True while the process exists and is more than an entry that waits for its parent.</summary>
    public static bool IsAlive(int processId)
    {
        try
        {
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
            char state = stat[stat.LastIndexOf(')') + 2];
            return state is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Waits for a condition, polling; false when it did not come true in time.</summary>
    public static async Task<bool> EventuallyAsync(Func<bool> condition, double seconds = 10)
    {
        long begin = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(begin).TotalSeconds > seconds)
                return false;
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        return true;
    }

    private static void Send(string signal, int processId)
    {
        using Process shell = Process.Start("/bin/sh", ["-c", string.Create(CultureInfo.InvariantCulture, $"kill -{signal} {processId}")]);
        shell.WaitForExit();
        Assert.Equal(0, shell.ExitCode);
    }
}
