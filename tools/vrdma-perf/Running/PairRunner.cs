using System.Net;
using System.Runtime.ExceptionServices;
using RoceEngine.Embedded;
using RoceEngine.PerfTool.Exchange;
using RoceEngine.PerfTool.Migrating;
using RoceEngine.PerfTool.Options;
using RoceEngine.PerfTool.Report;
using RoceEngine.Verbs;

namespace RoceEngine.PerfTool.Running;

/// <summary>Runs both ends of a test in this process: the server on a thread of its own and silent, the client on the caller's.</summary>
internal static class PairRunner
{
    /// <summary>Loopback addresses tried before giving up: others may be in use by other runs.</summary>
    private const int AddressAttempts = 64;

    /// <summary>EADDRINUSE.</summary>
    private const int AddressInUse = 98;

    /// <summary>Opens two devices and runs both ends on them.</summary>
    /// <exception cref="PeerException">A side failed.</exception>
    /// <exception cref="UsageException">The device cannot do what the options ask for.</exception>
    /// <exception cref="VerbsException">A device refused something.</exception>
    public static void Run(PerfOptions options, TextWriter output)
    {
        using EmbeddedHost? shared = options.Pair == PairMode.Local ? Devices.CreateHost(options) : null;
        using RdmaContext serverDevice = OpenSomewhere(options, shared);
        using RdmaContext clientDevice = OpenSomewhere(options, shared);
        // The two guests of one host are driven by whoever polls; a host of its own needs its own side's polling.
        DeviceDrive drive = shared is null && !options.UseEvents ? DeviceDrive.Polling : DeviceDrive.Others;
        Run(options, serverDevice, clientDevice, drive, output);
    }

    /// <summary>Runs both ends on devices that are open.</summary>
    public static void Run(
        PerfOptions options, RdmaContext serverDevice, RdmaContext clientDevice, DeviceDrive drive, TextWriter output,
        DeviceMover? mover = null, CancellationToken stop = default)
    {
        (MemoryPeerChannel serverChannel, MemoryPeerChannel clientChannel) = MemoryPeerChannel.CreatePair();
        PerfOptions serverOptions = options with { JsonFile = null, JsonOutput = false, MinimumBandwidth = null, MinimumMessageRate = null };
        Exception? serverError = null;
        Thread server = new(() => serverError = Catch(() => RunSide(serverOptions, isClient: false, serverChannel, serverDevice, drive, TextWriter.Null, mover: null, stop)))
        {
            IsBackground = true,
            Name = "server",
        };
        server.Start();
        Exception? clientError = Catch(() => RunSide(options, isClient: true, clientChannel, clientDevice, drive, output, mover, stop));
        server.Join();

        // A side that only heard of the other's failure has nothing to add to it.
        Exception? error = clientError is null or PeerException { IsEcho: true } ? serverError ?? clientError : clientError;
        if (error is not null)
            ExceptionDispatchInfo.Throw(error);
    }

    private static void RunSide(
        PerfOptions options, bool isClient, IPeerChannel channel, RdmaContext device, DeviceDrive drive, TextWriter output,
        DeviceMover? mover, CancellationToken stop)
    {
        using (channel)
        {
            TextReport report = new(output, options);
            report.Notices();
            new PerfSession(options, isClient, channel, device, drive, report, mover, stop).Run();
        }
    }

    private static Exception? Catch(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (Exception exception)
        {
            return exception;
        }
    }

    /// <summary>A device at a free loopback address of 127.16.0.0/16.</summary>
    private static RdmaContext OpenSomewhere(PerfOptions options, EmbeddedHost? host)
    {
        for (int attempt = 1; ; attempt++)
        {
            IPAddress address = new([127, 16, (byte)Random.Shared.Next(1, 255), (byte)Random.Shared.Next(1, 255)]);
            try
            {
                return Devices.OpenEmbedded(options, address, host);
            }
            catch (VerbsException exception) when (exception.Errno == AddressInUse && attempt < AddressAttempts)
            {
                // Another run has it.
            }
        }
    }
}
