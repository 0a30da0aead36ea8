using System.Globalization;
using RoceEngine.Channel;

namespace RoceEngine.Vrdma.Output;

/// <summary>How far a migration is, on the terminal: one line that is written over; nothing where standard error is no terminal.</summary>
internal sealed class MigrationView : IDisposable
{
    private readonly bool _isQuiet;
    private int _width;

    private MigrationView(bool isQuiet) => _isQuiet = isQuiet;

    public static MigrationView Create(bool isQuiet) => new(isQuiet || Console.IsErrorRedirected);

    public void Show(MigrationProgress progress)
    {
        if (_isQuiet)
            return;
        string line = Line(progress);
        Console.Error.Write($"\r{line.PadRight(_width)}");
        _width = line.Length;
    }

    /// <summary>The line goes.</summary>
    public void End()
    {
        if (_width > 0)
            Console.Error.Write($"\r{new string(' ', _width)}\r");
        _width = 0;
    }

    public void Dispose() => End();

    internal static string Line(MigrationProgress progress)
    {
        if (progress.Round == 0)
            return $"{progress.Phase} ...";
        double done = progress.RoundBytes == 0 ? 1 : (double)progress.RoundBytesSent / progress.RoundBytes;
        double leftSeconds = progress.BytesPerSecond > 0 ? (progress.RoundBytes - progress.RoundBytesSent) / progress.BytesPerSecond : 0;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"copy, round {progress.Round}: {done,4:P0} of {progress.RoundBytes / 1048576.0:F1} MiB, {Readable.Bandwidth(progress.BytesPerSecond)}, {leftSeconds:F1} s left");
    }
}
