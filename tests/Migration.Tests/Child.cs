using System.Diagnostics;
using System.Globalization;

namespace Migration.Tests;

/// <summary>A process of a test that talks by lines. Ends with its test at the latest.</summary>
internal sealed class Child : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly Queue<string> _errors = [];

    public Child(string program, params string[] arguments)
    {
        // The programs of this project are beside the tests, others where the system has them.
        string beside = Path.Combine(AppContext.BaseDirectory, program);
        var start = new ProcessStartInfo(File.Exists(beside) ? beside : program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>The last lines on standard error.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
                return string.Join('\n', _errors);
        }
    }

    /// <summary>Says a line and hears the answer.</summary>
    public string Ask(string line)
    {
        try
        {
            _process.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It has ended, and its last line says why.
        }
        return ReadLine();
    }

    /// <summary>The next line; fails on <c>bad</c>, on the end and after a while.</summary>
    public string ReadLine()
    {
        Task<string?> line = _process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask();
        Assert.True(line.Wait((int)Patience.TotalMilliseconds, CancellationToken.None), $"process {Id} says nothing\n{Errors}");
        Assert.False(line.Result is null || line.Result.StartsWith("bad", StringComparison.Ordinal), $"{line.Result}\n{Errors}");
        return line.Result!;
    }

    /// <summary>What is left on standard output, which ends within a while.</summary>
    public string ReadToEnd()
    {
        Task<string> rest = _process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.True(rest.Wait((int)Patience.TotalMilliseconds, CancellationToken.None), $"process {Id} does not end\n{Errors}");
        return rest.Result;
    }

    /// <summary>Sends a signal; nothing happens when it has ended.</summary>
    public void Signal(string name)
    {
        using Process kill = Process.Start("/bin/sh", ["-c", string.Create(CultureInfo.InvariantCulture, $"kill -{name} {Id} 2> /dev/null")]);
        kill.WaitForExit();
    }

    /// <summary>Its exit code, once it has ended.</summary>
    public int AwaitExit()
    {
        Assert.True(_process.WaitForExit(Patience), $"process {Id} does not end\n{Errors}");
        _process.WaitForExit();
        return _process.ExitCode;
    }

    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is null)
            return;
        lock (_errors)
        {
            _errors.Enqueue(line);
            if (_errors.Count > 40)
                _errors.Dequeue();
        }
    }
}
