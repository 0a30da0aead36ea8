using System.Net;
using RoceEngine.Launching;
using RoceEngine.PerfTool.Options;
using RoceEngine.PerfTool.Running;
using RoceEngine.Verbs;

namespace RoceEngine.PerfTool.Migrating;

/// <summary>A signal ended the run.</summary>
internal sealed class InterruptedException(int exitCode) : Exception("interrupted; everything that was started has ended")
{
    public int ExitCode => exitCode;
}

/// <summary>
/// Both ends of a test whose client's device moves, on daemons of their own: the client's between two of them, the server's at a third, so that the way
/// between the two ends is the same wherever the client's device is.
/// </summary>
internal static class PrivateRun
{
    public const string Program = "vrdma-perf";

    /// <exception cref="InterruptedException">A signal came; nothing is left.</exception>
    /// <exception cref="LaunchException">A daemon did not start.</exception>
    public static void Run(PerfOptions options, TextWriter output)
    {
        using TerminationSignals signals = new();
        try
        {
            RunAsync(options, output, signals.Token).GetAwaiter().GetResult();
        }
        catch (Exception) when (signals.ExitCode != 0)
        {
            // Whatever it was that failed, it failed because of the end.
            throw new InterruptedException(signals.ExitCode);
        }
    }

    private static async Task RunAsync(PerfOptions options, TextWriter output, CancellationToken stop)
    {
        PrivateDaemons daemons = PrivateDaemons.Create(Program, "a", "b", "peer");
        await using (daemons.ConfigureAwait(false))
        {
            AddressPlan plan = new(new IPAddress([127, 16, (byte)Random.Shared.Next(1, 255), (byte)Random.Shared.Next(1, 255)]));
            IPAddress moving = plan.Take();
            IPAddress staying = plan.Take();
            Task<DaemonProcess> starting = daemons.StartAsync("a", moving, stop);
            Task<DaemonProcess> startingOther = daemons.StartAsync("b", plan.Take(), stop);
            Task<DaemonProcess> startingPeer = daemons.StartAsync("peer", staying, stop);
            _ = await Task.WhenAll(starting, startingOther, startingPeer).ConfigureAwait(false);
            DaemonProcess home = await starting.ConfigureAwait(false);
            DaemonProcess other = await startingOther.ConfigureAwait(false);
            DaemonProcess peer = await startingPeer.ConfigureAwait(false);

            using RdmaContext server = Attach(options, peer, staying);
            using RdmaContext client = Attach(options, home, moving);
            MigrationPlan moves = options.Migration! with { Targets = [Target(other), Target(home)] };
            using DeviceMover mover = new(client, moves, home.SocketPath);
            PairRunner.Run(options, server, client, DeviceDrive.Others, output, mover, stop);
        }
    }

    private static RdmaContext Attach(PerfOptions options, DaemonProcess daemon, IPAddress address) =>
        Devices.Attach(options with { SocketPath = daemon.SocketPath, Address = address });

    private static MigrationTarget Target(DaemonProcess daemon) =>
        new(daemon.MigrationEndPoint!.Address.ToString(), daemon.MigrationEndPoint.Port);
}
