namespace VerbsPrograms.Tests.Support;

/// <summary>What must be known of Debian's perftest to read its figures.</summary>
internal static class Perftest
{
    private const int MaxRuns = 8;

    /// <summary>
    /// Runs perftest until it can tell time. At its end it measures how fast the processor's counter goes; when another process takes its place for some
    /// milliseconds meanwhile, it finds no straight line (<c>sample_get_cpu_mhz</c>), says so, takes the speed for zero, and with <c>-F</c> prints figures
    /// that are zero or infinite. Such a run shows nothing.
    /// </summary>
    /// <param name="run">Runs it with <c>-F</c>, without which it ends with an error then.</param>
    public static async Task<ProgramResult> WithFiguresAsync(Func<Task<ProgramResult>> run)
    {
        ProgramResult client = await run();
        for (int runs = 1; runs < MaxRuns && client.Errors.Contains("Correlation coefficient r^2", StringComparison.Ordinal); runs++)
            client = await run();
        return client;
    }
}
