using System.Diagnostics;
using System.Text;
using RoceEngine.Launching;
using RoceEngine.Vrdma.Demo;

namespace EndToEnd.Tests.Support;

/// <summary>How a program ended and all that it wrote.</summary>
internal sealed record ToolResult(int ExitCode, string Output, string Errors)
{
    public override string ToString() => $"exit code {ExitCode}\n--- standard output\n{Output}\n--- standard error\n{Errors}";
}

/// <summary>Runs the real executables, with bounded time.</summary>
internal sealed class Tool : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(150);

    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _errors;
    private readonly TaskCompletionSource _firstError = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Tool(Process process, bool readsOutput)
    {
        _process = process;
        _output = readsOutput ? process.StandardOutput.ReadToEndAsync() : Task.FromResult("");
        _errors = ReadErrorsAsync();
    }

    public int Id => _process.Id;

    /// <summary>Completes with the first line on standard error, or with its end.</summary>
    public Task FirstErrorAsync() => _firstError.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);

    /// <summary>Standard output of a tool that was started with <c>readsOutput</c> off.</summary>
    public StreamReader Output => _process.StandardOutput;

    /// <summary>Closes standard input, then waits for the end.</summary>
    public static Task<ToolResult> RunAsync(string[] arguments, Dictionary<string, string>? environment = null) =>
        RunAsync(ProgramPath.Find("vrdma"), arguments, environment);

    public static async Task<ToolResult> RunAsync(ProgramPath program, string[] arguments, Dictionary<string, string>? environment = null)
    {
        using Tool tool = Start(program, arguments, environment);
        return await tool.WaitAsync();
    }

    /// <summary>Starts <c>vrdma</c>.</summary>
    public static Tool Start(string[] arguments, Dictionary<string, string>? environment = null, bool readsOutput = true) =>
        Start(ProgramPath.Find("vrdma"), arguments, environment, readsOutput);

    public static Tool Start(
        ProgramPath program, string[] arguments, Dictionary<string, string>? environment = null, bool readsOutput = true)
    {
        ProcessStartInfo start = new(program.FileName)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (string argument in program.Arguments.Concat(arguments))
            start.ArgumentList.Add(argument);
        start.Environment.Remove("VRDMA_SOCKET");
        foreach ((string name, string value) in environment ?? [])
            start.Environment[name] = value;
        Process process = Process.Start(start)!;
        process.StandardInput.Close();
        return new Tool(process, readsOutput);
    }

    public async Task<ToolResult> WaitAsync()
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Patience);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync(CancellationToken.None);
            Assert.Fail($"'{_process.StartInfo.FileName}' did not end:\n{new ToolResult(_process.ExitCode, await _output, await _errors)}");
        }

        return new ToolResult(_process.ExitCode, await _output, await _errors);
    }

    private async Task<string> ReadErrorsAsync()
    {
        StringBuilder errors = new();
        char[] buffer = new char[4096];
        int read;
        while ((read = await _process.StandardError.ReadAsync(buffer)) > 0)
        {
            errors.Append(buffer, 0, read);
            if (buffer.AsSpan(0, read).Contains('\n'))
                _firstError.TrySetResult();
        }

        _firstError.TrySetResult();
        return errors.ToString();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
