using System.Diagnostics;

namespace RoceEngine.SideBySide.Peers;

/// <summary>A benchmark program of somebody else's, run as a server and its client over loopback.</summary>
/// <param name="Name">File name of the program.</param>
/// <param name="Package">The Debian package that brings it.</param>
/// <param name="Environment">Variables for both ends.</param>
internal sealed record PeerProgram(string Name, string Package, IReadOnlyDictionary<string, string> Environment)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private static int s_nextPort = 18_000 + (System.Environment.ProcessId % 1000 * 10);

    /// <summary>Why it cannot be measured, or null when it can.</summary>
    public string? Missing => Find() is null ? $"{Name} is not installed (Debian package {Package})" : null;

    /// <summary>Runs both ends; gives what the client printed.</summary>
    /// <param name="server">The server's arguments, given the port.</param>
    /// <param name="client">The client's arguments, given the port.</param>
    /// <exception cref="InvalidOperationException">It is missing, failed or took too long.</exception>
    public string Run(Func<int, string[]> server, Func<int, string[]> client)
    {
        int port = Interlocked.Increment(ref s_nextPort);
        using Partner.Unpinning unpinned = Partner.Unpin();
        using Process listening = Start(server(port));
        _ = listening.StandardOutput.ReadToEndAsync();
        _ = listening.StandardError.ReadToEndAsync();
        try
        {
            AwaitListener(port, listening);
            using Process asking = Start(client(port));
            Task<string> output = asking.StandardOutput.ReadToEndAsync();
            Task<string> errors = asking.StandardError.ReadToEndAsync();
            if (!asking.WaitForExit(s_patience))
            {
                asking.Kill();
                throw new InvalidOperationException($"{Name} did not end within {s_patience.TotalSeconds:F0} s");
            }
            if (asking.ExitCode != 0)
                throw new InvalidOperationException($"{Name} ended with exit code {asking.ExitCode}: {LastLine(errors.Result + "\n" + output.Result)}");
            return output.Result;
        }
        finally
        {
            // The server of a client that failed waits for another.
            if (!listening.WaitForExit(TimeSpan.FromSeconds(2)))
                listening.Kill();
            listening.WaitForExit();
        }
    }

    /// <summary>Waits until somebody listens at the port, without connecting: these servers serve whoever connects first.</summary>
    private static void AwaitListener(int port, Process server)
    {
        string wanted = $":{port:X4} ";
        for (long begin = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begin) < s_patience && !server.HasExited; Thread.Sleep(5))
        {
            foreach (string file in (ReadOnlySpan<string>)["/proc/net/tcp", "/proc/net/tcp6"])
            {
                if (File.Exists(file) && File.ReadLines(file).Any(line => line.Contains(wanted, StringComparison.Ordinal) && line.Contains(" 0A ", StringComparison.Ordinal)))
                    return;
            }
        }
    }

    private static string LastLine(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault() ?? "no message";

    private Process Start(string[] arguments)
    {
        var start = new ProcessStartInfo(Find() ?? throw new InvalidOperationException(Missing))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        foreach ((string name, string value) in Environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private string? Find() => (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Select(directory => Path.Combine(directory, Name)).FirstOrDefault(File.Exists);
}
