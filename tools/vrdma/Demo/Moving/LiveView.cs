using System.Globalization;
using RoceEngine.Launching;

namespace RoceEngine.Vrdma.Demo.Moving;

/// <summary>What a person sees while the demo runs.</summary>
internal interface ILiveView
{
    /// <summary>A line that stays.</summary>
    void Say(string line);

    /// <summary>Where the device is and how the stream does.</summary>
    void Show(string place, StreamSample[] samples);

    /// <summary>A move is done.</summary>
    void Moved(int count, int all, MoveRecord record);
}

/// <summary>For a pipe or a file: a line for each move.</summary>
internal sealed class PlainLiveView : ILiveView
{
    public void Say(string line) => Console.Out.WriteLine(line);

    public void Show(string place, StreamSample[] samples)
    {
        // Nothing that changes in place.
    }

    public void Moved(int count, int all, MoveRecord record) => Console.Out.WriteLine(LiveLine.Of(count, all, record));
}

/// <summary>For a terminal: one line with throughput of late as a curve of blocks, drawn again and again.</summary>
internal sealed class TerminalLiveView : ILiveView
{
    private string _last = "";

    public void Say(string line) => Console.Out.Write($"\r\e[K{line}\n");

    public void Show(string place, StreamSample[] samples)
    {
        // A line that is wider than the terminal would go on in the next one, and stay there.
        string line = $"{LiveLine.Curve(samples)}  at {place}  {_last}";
        int width = Math.Max(Console.WindowWidth - 1, 1);
        Console.Out.Write($"\r\e[K{(line.Length > width ? line[..width] : line)}");
    }

    public void Moved(int count, int all, MoveRecord record) => _last = LiveLine.Of(count, all, record);
}

/// <summary>The words and curves of the live views.</summary>
internal static class LiveLine
{
    private const string Blocks = " ▁▂▃▄▅▆▇█";
    private const int Columns = 40;
    private const double ColumnSeconds = 0.05;

    public static string Of(int count, int all, MoveRecord record) => string.Create(
        CultureInfo.InvariantCulture, $"move {count} of {all}, {record.From} to {record.To}: blackout {record.Report.BlackoutMs:F2} ms");

    /// <summary>The last two seconds, a column for 50 ms, and the rate of the last half second in Gbit/s.</summary>
    public static string Curve(StreamSample[] samples)
    {
        if (samples.Length == 0)
            return "";
        double end = samples[^1].Seconds;
        long[] columns = new long[Columns];
        for (int i = samples.Length - 1; i >= 0; i--)
        {
            int column = Columns - 1 - (int)((end - samples[i].Seconds) / ColumnSeconds);
            if (column < 0)
                break;
            columns[column] += samples[i].Amount;
        }

        long top = Math.Max(columns.Max(), 1);
        string curve = string.Concat(columns.Select(bytes => Blocks[(int)(bytes * (Blocks.Length - 1) / top)]));
        double gigabits = columns.TakeLast(10).Sum() * 8e-9 / (10 * ColumnSeconds);
        return string.Create(CultureInfo.InvariantCulture, $"{curve} {gigabits,6:F2} Gbit/s");
    }
}
