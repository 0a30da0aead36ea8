using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using RoceEngine.KernelPeer.Machine;

namespace RoceEngine.KernelPeer.Cells;

/// <summary>Runs a cell: <c>peer_check</c> at both ends, or a program of rdmacm-utils.</summary>
internal static partial class CellRun
{
    /// <summary>The first index of rxe's GID table is its link-local address.</summary>
    private const int GidIndex4 = 1;
    private const int GidIndex6 = 2;

    /// <summary>134 ms: longer than the emulated machine mostly takes for an answer.</summary>
    private const int AckTimeout = 15;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(40);

    /// <param name="machine">The peer; it loses what the cell says that it loses.</param>
    /// <param name="cell">The cell.</param>
    /// <param name="cancellation">Ends both programs.</param>
    public static Task<CellResult> RunAsync(KernelMachine machine, Cell cell, CancellationToken cancellation) => cell.Service == Cell.Connections
        ? ConnectionRun.RunAsync(machine, cell, cancellation)
        : RunPeerCheckAsync(machine, cell, cancellation);

    private static async Task<CellResult> RunPeerCheckAsync(KernelMachine machine, Cell cell, CancellationToken cancellation)
    {
        long began = Stopwatch.GetTimestamp();
        bool engineRequests = cell.Requester == Requester.Engine;
        (string here, string there) = cell.IpVersion == 4
            ? (KernelMachine.HereAddress4, KernelMachine.Address4)
            : (KernelMachine.HereAddress6, KernelMachine.Address6);
        string common = string.Create(CultureInfo.InvariantCulture,
            $"-m {cell.PathMtu} -c {cell.Service} -o {cell.Operation} -t {AckTimeout}{(cell.LossOneIn == 0 ? "" : " -l")}");
        string thereArguments = $"-d rxe0 -g {(cell.IpVersion == 4 ? GidIndex4 : GidIndex6)} {common}{(engineRequests ? "" : $" {here}")}";
        string[] hereArguments = [.. common.Split(' '), .. engineRequests ? [there] : (string[])[]];
        Task<ProgramResult> kernel = machine.ThereAsync($"/tmp/peer_check {thereArguments}", s_patience, cancellation);
        Task<ProgramResult> engine = machine.HereAsync(here, KernelMachine.PeerCheck, hereArguments, s_patience, cancellation);
        ProgramResult[] results = await Task.WhenAll(engine, kernel);
        long durationMs = (long)Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        Match[] verified = [.. results.Select(result => Verified().Match(result.Output))];
        if (results.Any(result => result.ExitCode != 0) || verified.Any(match => !match.Success))
            return new CellResult(cell, 0, 0, 0, durationMs, string.Join("\n", results.AsEnumerable()));
        // The bytes of a READ arrive at the requester, and it says which they were; else the responder does.
        Match arrived = verified[engineRequests == (cell.Operation == "read") ? 0 : 1];
        CellResult result = new(cell, Number(arrived, 1), Number(arrived, 2), Number(arrived, 3), durationMs, null);
        return result.Missing <= result.Messages || MayMissMost(cell) ? result : result with { Failure = $"more than half is missing\n{results[0]}\n{results[1]}" };
    }

    /// <summary>
    /// The kernel's rxe takes no further WRITE of UC once a packet inside of one was lost: its check of opcodes goes on expecting the rest of that
    /// message, since it leaves that state only where a receive request was under way (Linux 6.1, <c>do_class_d1e_error</c>).
    /// </summary>
    private static bool MayMissMost(Cell cell) => cell is { Service: "uc", Operation: "write", Requester: Requester.Engine, LossOneIn: not 0 };

    private static long Number(Match match, int group) => long.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex("verified ([0-9]+) messages, ([0-9]+) bytes, ([0-9]+) missing")]
    private static partial Regex Verified();
}
