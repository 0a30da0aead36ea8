using System.Diagnostics;
using VerbsPrograms.Tests.Support;

namespace VerbsPrograms.Tests;

/// <summary>
/// A program that listens with <c>rdma_cm</c> while its device moves to another daemon: the connection manager's QP 1 goes along, so connections from before
/// go on and can be ended, and new ones are accepted.
/// </summary>
public sealed class MovingListenerTests(PublishedLibrary library)
{
    [Fact]
    public async Task Its_connections_end_as_they_should_and_new_ones_are_accepted()
    {
        string directory = await library.DirectoryAsync();
        using CompiledProgram compiled = await CompiledProgram.MakeAsync(
            "moving_listener", "/usr/include/rdma/rdma_cma.h", "librdmacm-dev", "-lrdmacm", "-libverbs");
        string network = $"127.73.{Random.Shared.Next(1, 255)}";
        string address = $"{network}.1";
        using TestDaemon here = await TestDaemon.StartForMovesAsync(address);
        using TestDaemon there = await TestDaemon.StartForMovesAsync($"{network}.2");
        Dictionary<string, string> attached = new(ProgramRun.EnvironmentOf(directory, here.SocketPath)) { ["VRDMA_ADDRESS"] = address };
        using var server = new EndedInAnyCase(ProgramRun.StartOpen(compiled.Path, ["server", address, "7471", "2"], attached));
        await ExpectAsync(server, "listening");

        using EndedInAnyCase before = StartClient();
        await ExpectAsync(before, "exchanged 1");
        ProgramResult moved = await ProgramRun.RunAsync(
            ProgramRun.Tool,
            ["migrate", "vrdma0", "--to", $"127.0.0.1:{there.MigrationPort}", "--socket", here.SocketPath, "--memory", "share", "--insecure", "--patience", "10000"]);
        Assert.True(moved.ExitCode == 0, moved.ToString());

        using EndedInAnyCase after = StartClient();
        await ExpectAsync(after, "exchanged 1");
        await AskAsync(before);
        await ExpectAsync(before, "exchanged 2");
        before.Process.StandardInput.Close();
        await ExpectAsync(server, "disconnected 1");
        await AskAsync(after);
        await ExpectAsync(after, "exchanged 2");
        after.Process.StandardInput.Close();
        foreach (EndedInAnyCase program in (EndedInAnyCase[])[before, after, server])
        {
            ProgramResult result = await ProgramRun.EndAsync(program.Process);
            Assert.True(result.ExitCode == 0, result.ToString());
        }

        EndedInAnyCase StartClient() =>
            new(ProgramRun.StartOpen(compiled.Path, ["client", address, "7471"], ProgramRun.EnvironmentOf(directory, null)));
    }

    private static Task AskAsync(EndedInAnyCase program) => program.Process.StandardInput.WriteLineAsync();

    private static async Task ExpectAsync(EndedInAnyCase program, string text)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        List<string> lines = [];
        while (await program.Process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
        {
            if (line == text)
                return;
            lines.Add(line);
        }

        Assert.Fail($"it ended before it said '{text}':\n{string.Join('\n', lines)}\n{await program.Process.StandardError.ReadToEndAsync(limit.Token)}");
    }

    private sealed class EndedInAnyCase(Process process) : IDisposable
    {
        public Process Process => process;

        public void Dispose()
        {
            if (!process.HasExited)
                process.Kill();
            process.Dispose();
        }
    }
}
