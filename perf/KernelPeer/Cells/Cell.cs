using System.Globalization;

namespace RoceEngine.KernelPeer.Cells;

/// <summary>Whose end begins.</summary>
internal enum Requester
{
    /// <summary>The engine requests, the kernel responds.</summary>
    Engine,

    /// <summary>The kernel requests, the engine responds.</summary>
    Kernel,
}

/// <summary>One cell of the matrix.</summary>
/// <param name="Service">rc, uc or ud, as <c>peer_check</c> names it; cm for programs that connect with <c>rdma_cm</c>.</param>
/// <param name="Operation">As <c>peer_check</c> names it; the program's name where it connects with <c>rdma_cm</c>.</param>
/// <param name="PathMtu">Bytes; 0 where the program chooses.</param>
/// <param name="IpVersion">4 or 6.</param>
/// <param name="Requester">Whose end begins.</param>
/// <param name="LossOneIn">The network loses one packet in so many in either direction; 0 for none.</param>
internal sealed record Cell(string Service, string Operation, int PathMtu, int IpVersion, Requester Requester, int LossOneIn)
{
    /// <summary>The service of cells that are programs of rdmacm-utils.</summary>
    public const string Connections = "cm";

    public static readonly int[] PathMtus = [256, 512, 1024, 2048, 4096];

    /// <summary>What <c>peer_check</c> does.</summary>
    public static readonly (string Service, string Operation)[] Operations =
    [
        ("rc", "send"), ("rc", "send_inv"), ("rc", "write"), ("rc", "read"), ("rc", "fetch_add"), ("rc", "cmp_swap"),
        ("uc", "send"), ("uc", "write"), ("ud", "send"),
    ];

    /// <summary>All cells: those without loss, those with it, and the connections without.</summary>
    /// <param name="lossOneIn">How much is lost where packets are lost; 0 leaves those cells out.</param>
    public static IEnumerable<Cell> All(int lossOneIn)
    {
        int[] losses = lossOneIn == 0 ? [0] : [0, lossOneIn];
        IEnumerable<Cell> operations =
            from loss in losses
            from operation in Operations
            from requester in Enum.GetValues<Requester>()
            from ipVersion in (int[])[4, 6]
            from pathMtu in PathMtus
            select new Cell(operation.Service, operation.Operation, pathMtu, ipVersion, requester, loss);
        IEnumerable<Cell> connections =
            from program in ConnectionRun.Programs
            from requester in Enum.GetValues<Requester>()
            from ipVersion in (int[])[4, 6]
            select new Cell(Connections, program, 0, ipVersion, requester, 0);
        return connections.Concat(operations);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Service} {Operation}{(PathMtu == 0 ? "" : $" at path MTU {PathMtu}")}, IPv{IpVersion}, {Requester.ToString().ToLowerInvariant()} requests"
        + $"{(LossOneIn == 0 ? "" : $", one packet in {LossOneIn} lost")}");
}

/// <summary>What came of a cell.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="Messages">Messages that were verified at the end where they arrived.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="Missing">Messages that an unreliable service lost with the network's packets.</param>
/// <param name="DurationMs">Time of both programs, starting them included.</param>
/// <param name="Failure">What both ends wrote; null when everything was right.</param>
internal sealed record CellResult(Cell Cell, long Messages, long Bytes, long Missing, long DurationMs, string? Failure);
