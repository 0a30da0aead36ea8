using System.Diagnostics;

namespace RoceEngine.Host.Tests;

/// <summary>Waits for what another thread or process will do, on a machine that may be slow.</summary>
internal static class Eventually
{
    public static void True(Func<bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Endpoint.Patience)
                throw new TimeoutException($"it never came true that {what}");
            Thread.Sleep(5);
        }
    }
}
