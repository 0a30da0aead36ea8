using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace RoceEngine.Host.Tests;

/// <summary>The daemon's program in a process of its own.</summary>
internal sealed partial class DaemonProcess : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("vrdma-").FullName;
    private readonly Process _process;
    private readonly StringBuilder _errors = new();

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    /// <summary>Starts it; a socket path of its own is added unless the arguments name one or ask for the version.</summary>
    public DaemonProcess(params string[] arguments)
    {
        SocketPath = System.IO.Path.Combine(_directory, "d.sock");
        var start = new ProcessStartInfo(System.IO.Path.Combine(AppContext.BaseDirectory, "vrdmad"))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        if (!arguments.Contains("--socket") && arguments is not ["--version"])
        {
            start.ArgumentList.Add("--socket");
            start.ArgumentList.Add(SocketPath);
        }
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, e) =>
        {
            lock (_errors)
                _errors.AppendLine(e.Data);
        };
        _process.BeginErrorReadLine();
    }

    public string SocketPath { get; }

    public int Id => _process.Id;

    /// <summary>What it wrote to standard error so far.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
                return _errors.ToString();
        }
    }

    /// <summary>The next line of standard output, null at its end.</summary>
    public string? ReadLine() => _process.StandardOutput.ReadLine();

    /// <summary>SIGTERM is 15, SIGINT 2, SIGKILL 9.</summary>
    public void Signal(int signal) => Assert.Equal(0, Kill(_process.Id, signal));

    /// <summary>Waits for its end and gives the exit code.</summary>
    public int WaitForExit()
    {
        Assert.True(_process.WaitForExit(Endpoint.Patience), "the daemon does not end");
        _process.WaitForExit();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }
        _process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
