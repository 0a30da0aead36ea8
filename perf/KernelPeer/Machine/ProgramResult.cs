using System.Diagnostics;

namespace RoceEngine.KernelPeer.Machine;

/// <summary>How a program ended and all that it wrote.</summary>
/// <param name="CommandLine">What was run.</param>
/// <param name="ExitCode">Its exit status; 124 where it was ended because it took too long.</param>
/// <param name="Output">Standard output and standard error, in the order in which they came.</param>
internal sealed record ProgramResult(string CommandLine, int ExitCode, string Output)
{
    /// <summary>The exit status of <c>timeout(1)</c>.</summary>
    public const int TookTooLong = 124;

    public override string ToString() => $"{CommandLine}: exit status {ExitCode}\n{Output}";

    /// <summary>Follows a process to its end, which it is brought to when it takes too long.</summary>
    public static async Task<ProgramResult> OfAsync(Process process, TimeSpan patience, CancellationToken cancellation)
    {
        string commandLine = $"{process.StartInfo.FileName} {string.Join(' ', process.StartInfo.ArgumentList)}";
        Lock together = new();
        List<string> lines = [];
        Task all = Task.WhenAll(ReadAsync(process.StandardOutput), ReadAsync(process.StandardError));
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(patience);
        int? status = null;
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
            status = TookTooLong;
        }

        await all;
        return new ProgramResult(commandLine, status ?? process.ExitCode, string.Join('\n', lines));

        async Task ReadAsync(StreamReader reader)
        {
            while (await reader.ReadLineAsync(CancellationToken.None) is { } line)
            {
                lock (together)
                    lines.Add(line);
            }
        }
    }
}
