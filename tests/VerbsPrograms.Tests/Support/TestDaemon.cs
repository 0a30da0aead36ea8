using System.Diagnostics;

namespace VerbsPrograms.Tests.Support;

/// <summary>A daemon of a test with two addresses, on a socket of its own.</summary>
internal sealed class TestDaemon : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("vrdma-programs-").FullName;
    private readonly Process _process;

    private TestDaemon()
    {
        ProcessStartInfo start = new(Path.Join(AppContext.BaseDirectory, "vrdmad")) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (string argument in (string[])["--socket", SocketPath, "--exit-with-stdin", "--address", "127.66.0.1", "--address", "127.66.0.2"])
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
    }

    public string SocketPath => Path.Join(_directory, "d.sock");

    /// <summary>Starts it, and waits until programs can attach.</summary>
    public static async Task<TestDaemon> StartAsync()
    {
        TestDaemon daemon = new();
        while (await daemon._process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.StartsWith("vrdmad ready", StringComparison.Ordinal))
            {
                // What it says from now on is nobody's concern, but must not fill the pipe.
                _ = daemon._process.StandardOutput.ReadToEndAsync(CancellationToken.None);
                return daemon;
            }
        }

        daemon.Dispose();
        throw new InvalidOperationException("the daemon ended before it was ready");
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(20)))
            _process.Kill();
        _process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
