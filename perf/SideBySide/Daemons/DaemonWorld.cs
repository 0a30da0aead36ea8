using System.Net;
using RoceEngine.Channel;
using RoceEngine.SideBySide.Engine;

namespace RoceEngine.SideBySide.Daemons;

/// <summary>
/// Daemons in processes of their own, and a guest in another: what a user runs. The near guest is this process. For two hosts there are two
/// daemons and their guests talk by RoCEv2 over loopback; for one host there is one, which copies from guest to guest.
/// </summary>
internal sealed class DaemonWorld : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("vrdma-sidebyside-").FullName;
    private readonly List<ChildProcess> _daemons = [];
    private readonly List<string> _sockets = [];
    private bool _farGuestEnded;

    private DaemonWorld(IPAddress near, IPAddress far, bool isLocal)
    {
        IsLocal = isLocal;
        NearAddress = near;
        FarAddress = far;
        try
        {
            if (isLocal)
            {
                StartDaemon(near, far);
            }
            else
            {
                StartDaemon(near);
                StartDaemon(far);
            }
            FarGuest = new ChildProcess("far guest", [FarGuestProgram.CommandName]);
            _ = FarGuest.Expect(FarGuestProgram.ReadyWord);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Two daemons.</summary>
    public static DaemonWorld OverUdp() => new(LoopbackPlan.DaemonNear, LoopbackPlan.DaemonFar, isLocal: false);

    /// <summary>One daemon.</summary>
    public static DaemonWorld Local() => new(LoopbackPlan.LocalDaemonNear, LoopbackPlan.LocalDaemonFar, isLocal: true);

    public bool IsLocal { get; }

    public IPAddress NearAddress { get; }

    public IPAddress FarAddress { get; }

    public string NearSocket => _sockets[0];

    public string FarSocket => _sockets[^1];

    /// <summary>The process of the far guest.</summary>
    public ChildProcess? FarGuest { get; }

    /// <summary>Process ids of the daemons.</summary>
    public IReadOnlyList<int> DaemonIds => [.. _daemons.Select(daemon => daemon.Id)];

    /// <summary>Collections of all daemons together since they started. Ends the world.</summary>
    public long EndAndCountCollections()
    {
        EndFarGuest();
        long collections = 0;
        foreach (ChildProcess daemon in _daemons)
            collections += long.Parse(daemon.End().Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture);
        _daemons.Clear();
        return collections;
    }

    /// <summary>Calls of the kernel that the links of all devices made so far to send and to receive.</summary>
    public long LinkCalls()
    {
        long calls = 0;
        foreach (string socket in _sockets)
        {
            using DaemonConnection connection = DaemonConnection.Open(socket);
            foreach (DeviceReport report in connection.GetStatistics())
                calls += report.Counters.Where(counter => counter.Name is "udp_tx_calls" or "udp_rx_calls").Sum(counter => counter.Value);
        }
        return calls;
    }

    /// <summary>Attaches a guest on both sides and connects them.</summary>
    public IEnginePair Open(int messageBytesMax) => new DaemonPair(this, messageBytesMax);

    public void Dispose()
    {
        EndFarGuest();
        foreach (ChildProcess daemon in _daemons)
            daemon.Dispose();
        _daemons.Clear();
        if (Directory.Exists(_directory))
            Directory.Delete(_directory, recursive: true);
    }

    private void EndFarGuest()
    {
        if (!_farGuestEnded)
            FarGuest?.Dispose();
        _farGuestEnded = true;
    }

    private void StartDaemon(params IPAddress[] addresses)
    {
        string socket = Path.Combine(_directory, $"{_daemons.Count}.sock");
        _sockets.Add(socket);
        string[] arguments = [DaemonProgram.CommandName, "--socket", socket, "--exit-with-stdin", .. addresses.SelectMany(a => new[] { "--address", a.ToString() })];
        var daemon = new ChildProcess($"daemon {socket}", arguments);
        _daemons.Add(daemon);
        _ = daemon.Expect("vrdmad ready");
    }
}
