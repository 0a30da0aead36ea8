using System.Diagnostics;
using System.Globalization;
using RoceEngine.KernelPeer.Machine;

namespace RoceEngine.KernelPeer.Cells;

/// <summary>Programs of rdmacm-utils, a server at one end and its client at the other.</summary>
internal static class ConnectionRun
{
    /// <summary>Connections of RC with rping's and ucmatose's manners, and the datagram QPs that udaddy finds by SIDR.</summary>
    public static readonly string[] Programs = ["rping", "ucmatose", "udaddy"];

    private const int Messages = 10;
    private const int MessageBytes = 1000;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(40);

    public static async Task<CellResult> RunAsync(KernelMachine machine, Cell cell, CancellationToken cancellation)
    {
        long began = Stopwatch.GetTimestamp();
        bool engineRequests = cell.Requester == Requester.Engine;
        (string here, string there) = cell.IpVersion == 4
            ? (KernelMachine.HereAddress4, KernelMachine.Address4)
            : (KernelMachine.HereAddress6, KernelMachine.Address6);
        string address = engineRequests ? there : here;
        Task<ProgramResult> server = RunEndAsync(!engineRequests, ServerArguments(cell, address));
        await ListensAsync(server);
        ProgramResult client = await RunEndAsync(engineRequests, ClientArguments(cell, address));
        ProgramResult served = await server;
        long durationMs = (long)Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        int transfers = cell.Operation == "rping"
            ? served.Output.Split('\n').Count(line => line.StartsWith("server ping data: rdma-ping-", StringComparison.Ordinal))
            : served.Output.Contains("return status 0", StringComparison.Ordinal) && client.Output.Contains("return status 0", StringComparison.Ordinal) ? Messages : 0;
        bool isRight = client.ExitCode == 0 && served.ExitCode == 0 && transfers == Messages;
        return new CellResult(cell, transfers, (long)transfers * MessageBytes, 0, durationMs, isRight ? null : $"{client}\n{served}");

        Task<ProgramResult> RunEndAsync(bool isHere, string arguments) => isHere
            ? machine.HereAsync(here, cell.Operation, arguments.Split(' '), s_patience, cancellation)
            : machine.ThereAsync($"{cell.Operation} {arguments}", s_patience, cancellation);

        async Task ListensAsync(Task running)
        {
            while (!running.IsCompleted && !await (engineRequests ? machine.IsListeningThereAsync(cancellation) : machine.IsBoundHereAsync()))
                await Task.Delay(50, cancellation);
            // A device that is bound listens a moment later; who comes before that is refused, and no second try would hide it.
            if (!engineRequests)
                await Task.Delay(500, cancellation);
        }
    }

    private static string ServerArguments(Cell cell, string address) => cell.Operation == "rping"
        ? string.Create(CultureInfo.InvariantCulture, $"-s -a {address} -v -C {Messages} -S {MessageBytes}")
        : string.Create(CultureInfo.InvariantCulture, $"-b {address} {Common(cell)}");

    private static string ClientArguments(Cell cell, string address) => cell.Operation == "rping"
        ? string.Create(CultureInfo.InvariantCulture, $"-c -a {address} -v -C {Messages} -S {MessageBytes}")
        : string.Create(CultureInfo.InvariantCulture, $"-s {address} {Common(cell)}");

    private static string Common(Cell cell) => string.Create(CultureInfo.InvariantCulture,
        $"-f {(cell.IpVersion == 4 ? "ip" : "ipv6")} -c 2 -C {Messages / 2} -S {MessageBytes}");
}
