using System.Diagnostics;

namespace VerbsPrograms.Tests.Support;

/// <summary>A daemon of a test with two addresses, on a socket of its own.</summary>
internal sealed class TestDaemon : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("vrdma-programs-").FullName;
    private readonly Process _process;

    private TestDaemon(TestHost? host, string[] addresses, string[] more)
    {
        string[] command =
        [
            .. TestHost.Prefix(host), Path.Join(AppContext.BaseDirectory, "vrdmad"), "--socket", SocketPath, "--exit-with-stdin",
            .. addresses.SelectMany(address => (string[])["--address", address]), .. more,
        ];
        ProcessStartInfo start = new(command[0]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (string argument in command[1..])
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
    }

    public string SocketPath => Path.Join(_directory, "d.sock");

    /// <summary>Where devices come in, of a daemon that they may come to.</summary>
    public string MigrationPort { get; private set; } = "";

    /// <summary>Starts it, and waits until programs can attach.</summary>
    /// <param name="host">Where it runs; null for this machine, with addresses 127.66.0.1 and 127.66.0.2.</param>
    public static Task<TestDaemon> StartAsync(TestHost? host = null) =>
        AwaitAsync(new TestDaemon(host, host is null ? ["127.66.0.1", "127.66.0.2"] : [TestHost.Server, TestHost.Client], []));

    /// <summary>Starts one that devices may leave and come to.</summary>
    /// <param name="address">Its address.</param>
    public static Task<TestDaemon> StartForMovesAsync(string address) =>
        AwaitAsync(new TestDaemon(null, [address], ["--migrate-listen", "127.0.0.1:0", "--insecure-migration"]));

    private static async Task<TestDaemon> AwaitAsync(TestDaemon daemon)
    {
        while (await daemon._process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.StartsWith("vrdmad ready", StringComparison.Ordinal))
            {
                if (line.Contains(" migrate=", StringComparison.Ordinal))
                    daemon.MigrationPort = line[(line.LastIndexOf(':') + 1)..];

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
