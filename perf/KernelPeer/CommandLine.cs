using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using RoceEngine.KernelPeer.Cells;
using RoceEngine.KernelPeer.Machine;
using RoceEngine.KernelPeer.Output;

namespace RoceEngine.KernelPeer;

/// <summary>The options, and what a run prints. A bad value gives one line and exit code 2, a failed run or a failed cell exit code 1.</summary>
internal static class CommandLine
{
    private const int UsageError = 2;
    private const int RunError = 1;
    private const int LossOneInDefault = 50;

    public static int Run(string[] args)
    {
        Option<int> loss = new("--loss")
        {
            Description = "Where packets are lost, one in so many is, in either direction; 0 leaves those cells out.", DefaultValueFactory = _ => LossOneInDefault,
        };
        Option<string[]> only = new("--only")
        {
            Description = "Only cells in whose description each of these words is, as in: rc read IPv6 kernel.", AllowMultipleArgumentsPerToken = true,
        };
        Option<int> repeat = new("--repeat") { Description = "Runs all of that so often, to find what fails seldom.", DefaultValueFactory = _ => 1 };
        Option<DirectoryInfo?> output = new("--out") { Description = "Writes the matrix as Markdown and JSON into this directory." };
        RootCommand root = new("Runs the engine against the kernel's rxe in a small virtual machine, every operation in every way, and verifies every byte.") { loss, only, repeat, output };
        root.SetAction((parsed, cancellation) => RunMatrixAsync(parsed.GetValue(loss), parsed.GetValue(only) ?? [], parsed.GetValue(repeat), parsed.GetValue(output), cancellation));
        ParseResult parse = root.Parse(args);
        return parse.Errors.Count == 0
            ? parse.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false })
            : Fail(parse.Errors[0].Message, UsageError);
    }

    private static async Task<int> RunMatrixAsync(int lossOneIn, string[] words, int repeat, DirectoryInfo? output, CancellationToken cancellation)
    {
        try
        {
            // Before the work, not after it, it turns out that nothing can be written there.
            output?.Create();
            List<Cell> cells = [.. Cell.All(lossOneIn).Where(cell => words.All(word => cell.ToString().Contains(word, StringComparison.OrdinalIgnoreCase)))];
            cells = [.. Enumerable.Repeat(cells, repeat).SelectMany(all => all)];
            await using KernelMachine machine = await KernelMachine.StartAsync(cancellation);
            MatrixDocument document = await RunCellsAsync(machine, cells, lossOneIn, cancellation);
            if (output is not null)
            {
                string path = Path.Join(output.FullName, document.Machine.FileName);
                await File.WriteAllTextAsync($"{path}.md", MatrixMarkdown.Write(document), cancellation);
                await File.WriteAllTextAsync($"{path}.json", JsonSerializer.Serialize(document, MatrixJson.Default.MatrixDocument) + "\n", cancellation);
            }

            int failed = document.Cells.Count(cell => cell.Failure is not null);
            Console.WriteLine($"{document.Cells.Count - failed} of {document.Cells.Count} cells are right, {document.Machine.LostPackets} packets were lost");
            return failed == 0 ? 0 : RunError;
        }
        catch (Exception failure) when (failure is KernelPeerException or IOException or UnauthorizedAccessException or OperationCanceledException)
        {
            return Fail(failure.Message, RunError);
        }
    }

    private static async Task<MatrixDocument> RunCellsAsync(KernelMachine machine, List<Cell> cells, int lossOneIn, CancellationToken cancellation)
    {
        List<CellResult> results = [];
        long began = Stopwatch.GetTimestamp();
        int loses = 0;
        long lost = 0;
        foreach (Cell cell in cells)
        {
            if (cell.LossOneIn != loses)
            {
                lost += await machine.LostAsync(cancellation);
                await machine.LoseAsync(cell.LossOneIn, cancellation);
            }

            loses = cell.LossOneIn;
            CellResult result = await CellRun.RunAsync(machine, cell, cancellation);
            results.Add(result);
            Console.WriteLine(result.Failure is null
                ? $"{cell}: {result.Messages} messages, {result.Bytes} bytes, {result.Missing} missing, {result.DurationMs} ms"
                : $"{cell}: FAILED\n{result.Failure}");
        }

        lost += await machine.LostAsync(cancellation);
        return new MatrixDocument(MatrixFacts.Read(machine.Kernel, lossOneIn, lost, Stopwatch.GetElapsedTime(began)), results);
    }

    private static int Fail(string message, int exitCode)
    {
        Console.Error.WriteLine($"KernelPeer: {message.ReplaceLineEndings(" ")}");
        return exitCode;
    }
}
