using RoceEngine.KernelPeer.Cells;
using RoceEngine.KernelPeer.Output;

namespace Benchmarks.Tests;

public class KernelPeerMatrixTests
{
    private static readonly MatrixFacts s_facts = new("2026-11-29", "processor", 2, "Linux", ".NET", "Linux 6.1", 50, 7, 1.5);

    [Fact]
    public void Every_cell_is_there_once()
    {
        Cell[] cells = [.. Cell.All(lossOneIn: 50)];
        Assert.Equal(cells.Length, cells.Distinct().Count());
        // Nine operations of services, five path MTUs, two IP versions, two requesters, with and without loss; three programs.
        Assert.Equal((9 * 5 * 2 * 2 * 2) + (3 * 2 * 2), cells.Length);
        Assert.DoesNotContain(Cell.All(lossOneIn: 0), cell => cell.LossOneIn != 0);
    }

    [Fact]
    public void A_cell_that_failed_is_not_counted_as_right_and_says_why()
    {
        Cell cell = new("rc", "read", 1024, 6, Requester.Kernel, 0);
        string text = MatrixMarkdown.Write(new MatrixDocument(s_facts, [new(cell, 24, 1000, 0, 5, null), new(cell with { PathMtu = 2048 }, 0, 0, 0, 5, "byte 7 is ee")]));
        Assert.Contains("**1 of 2 cells are right**", text, StringComparison.Ordinal);
        Assert.Contains("| RC | read | kernel | 6 | 24 | **failed** |", text, StringComparison.Ordinal);
        Assert.Contains("byte 7 is ee", text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_an_unreliable_service_missed_is_said()
    {
        Cell cell = new("uc", "send", 1024, 4, Requester.Engine, 50);
        string text = MatrixMarkdown.Write(new MatrixDocument(s_facts, [new(cell, 22, 1000, 2, 5, null)]));
        Assert.Contains("| UC | send | engine | 4 | 22 of 24 |", text, StringComparison.Ordinal);
        Assert.Contains("One packet in 50 lost in either direction, 7 in all", text, StringComparison.Ordinal);
    }
}
