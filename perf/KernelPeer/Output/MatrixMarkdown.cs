using System.Globalization;
using System.Text;
using RoceEngine.KernelPeer.Cells;

namespace RoceEngine.KernelPeer.Output;

/// <summary>A run of the matrix, for people.</summary>
internal static class MatrixMarkdown
{
    public static string Write(MatrixDocument document)
    {
        MatrixFacts facts = document.Machine;
        StringBuilder text = new();
        int right = document.Cells.Count(cell => cell.Failure is null);
        _ = text.Append(CultureInfo.InvariantCulture, $"""
            # Against the kernel's rxe

            {facts.Date}, {facts.Processor}, {facts.Processors} logical processors, {facts.System}, {facts.Runtime}; the peer is the rxe of {facts.PeerKernel} in
            an emulated virtual machine. Made by `dotnet run -c Release --project perf/KernelPeer -- --out perf/results` in {facts.DurationSeconds} s.

            **{right} of {document.Cells.Count} cells are right**, {document.Cells.Sum(cell => cell.Messages)} messages and {document.Cells.Sum(cell => cell.Bytes)} bytes verified at the end where they arrived, margins around them untouched.
            A cell is both programs' exit status and every completion. Its number counts the messages; where the network loses packets, an unreliable service may miss some: "20 of 24".
            The kernel's rxe takes no further WRITE of UC on a QP that lost a packet inside of one; what is missing there is its own.

            """);
        WriteConnections(text, [.. document.Cells.Where(cell => cell.Cell.Service == Cell.Connections)]);
        foreach (IGrouping<int, CellResult> loss in document.Cells.Where(cell => cell.Cell.Service != Cell.Connections).GroupBy(cell => cell.Cell.LossOneIn))
            WriteOperations(text, loss.Key, facts.LostPackets, [.. loss]);
        foreach (CellResult failed in document.Cells.Where(cell => cell.Failure is not null))
            _ = text.Append(CultureInfo.InvariantCulture, $"\n## Failed: {failed.Cell}\n\n```\n{failed.Failure!.Trim()}\n```\n");
        return text.ToString();
    }

    private static void WriteConnections(StringBuilder text, List<CellResult> cells)
    {
        if (cells.Count == 0)
            return;
        _ = text.Append("\n## Connections by rdma_cm\n\n| program | client | IPv4 | IPv6 |\n|---|---|---|---|\n");
        foreach (var row in cells.GroupBy(cell => (cell.Cell.Operation, cell.Cell.Requester)))
            WriteRow(text, $"| {row.Key.Operation} | {Name(row.Key.Requester)} |", row);
    }

    private static void WriteOperations(StringBuilder text, int lossOneIn, long lostPackets, List<CellResult> cells)
    {
        string title = lossOneIn == 0 ? "No loss" : string.Create(CultureInfo.InvariantCulture, $"One packet in {lossOneIn} lost in either direction, {lostPackets} in all");
        string mtus = string.Join(" | ", Cell.PathMtus);
        _ = text.Append(CultureInfo.InvariantCulture, $"\n## {title}\n\n| service | operation | requester | IP | {mtus} |\n|---|---|---|---|---|---|---|---|---|\n");
        foreach (var row in cells.GroupBy(cell => (cell.Cell.Service, cell.Cell.Operation, cell.Cell.Requester, cell.Cell.IpVersion)))
            WriteRow(text, $"| {row.Key.Service.ToUpperInvariant()} | {row.Key.Operation} | {Name(row.Key.Requester)} | {row.Key.IpVersion} |", row);
    }

    private static void WriteRow(StringBuilder text, string head, IEnumerable<CellResult> cells) =>
        text.Append(head).Append(string.Concat(cells.Select(cell => $" {Verdict(cell)} |"))).Append('\n');

    private static string Name(Requester requester) => requester == Requester.Engine ? "engine" : "kernel";

    private static string Verdict(CellResult result) =>
        result.Failure is not null ? "**failed**"
        : result.Missing != 0 ? string.Create(CultureInfo.InvariantCulture, $"{result.Messages} of {result.Messages + result.Missing}")
        : result.Messages.ToString(CultureInfo.InvariantCulture);
}
