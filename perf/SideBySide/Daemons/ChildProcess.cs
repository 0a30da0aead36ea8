using System.Collections.Concurrent;
using System.Diagnostics;

namespace RoceEngine.SideBySide.Daemons;

/// <summary>
/// This program again in a process of its own, with a part to play. It is spoken to in lines, and ends when its standard input does; it is
/// killed when it does not.
/// </summary>
internal sealed class ChildProcess : IDisposable
{
    private const string FailedPrefix = "failed ";

    private static readonly TimeSpan s_answerPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_exitPatience = TimeSpan.FromSeconds(10);

    private readonly string _label;
    private readonly Process _process;
    private readonly BlockingCollection<string> _lines = [];
    private readonly Thread _reader;
    private volatile string? _failure;

    public ChildProcess(string label, IEnumerable<string> arguments)
    {
        _label = label;
        _process = StartSelf(arguments);
        _process.ErrorDataReceived += (_, line) => OnError(line.Data);
        _process.BeginErrorReadLine();
        _reader = new Thread(ReadLines) { IsBackground = true, Name = $"{label} reader" };
        _reader.Start();
    }

    public int Id => _process.Id;

    /// <summary>True when it ended, or said that it failed.</summary>
    public bool HasFailed => _failure != null;

    /// <summary>Writes a line.</summary>
    public void Tell(string line)
    {
        try
        {
            _process.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            throw Failed();
        }
    }

    /// <summary>The rest of the next line that begins with the word; lines in between are dropped.</summary>
    /// <exception cref="InvalidOperationException">It failed, ended or said nothing for a minute.</exception>
    public string Expect(string word)
    {
        while (_lines.TryTake(out string? line, s_answerPatience))
        {
            if (line.StartsWith(word, StringComparison.Ordinal))
                return line[word.Length..].Trim();
        }
        throw Failed();
    }

    public void Dispose() => _ = End();

    /// <summary>Ends it, and gives the last line that it said.</summary>
    public string End()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended already.
        }
        if (!_process.WaitForExit(s_exitPatience))
            _process.Kill();
        _process.WaitForExit();
        _reader.Join();
        string last = "";
        while (_lines.TryTake(out string? line))
            last = line;
        _process.Dispose();
        _lines.Dispose();
        return last;
    }

    private static Process StartSelf(IEnumerable<string> arguments)
    {
        string self = Environment.ProcessPath ?? throw new InvalidOperationException("this process has no path");
        var start = new ProcessStartInfo(self)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        if (Path.GetFileNameWithoutExtension(self) == "dotnet")
            start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        using Partner.Unpinning _ = Partner.Unpin();
        return Process.Start(start)!;
    }

    private void ReadLines()
    {
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            if (line.StartsWith(FailedPrefix, StringComparison.Ordinal))
                _failure ??= line[FailedPrefix.Length..];
            _lines.Add(line);
        }
        _failure ??= "it ended";
        _lines.CompleteAdding();
    }

    private void OnError(string? line)
    {
        if (!string.IsNullOrWhiteSpace(line))
            _failure ??= line.Trim();
    }

    private InvalidOperationException Failed() => new($"{_label}: {_failure ?? "no answer"}");
}
