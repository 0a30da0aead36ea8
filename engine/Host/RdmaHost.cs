using System.Net;
using RoceEngine.Addresses;
using RoceEngine.Channel;
using RoceEngine.Host.Migration;
using RoceEngine.HostStream;
using RoceEngine.Interop;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace RoceEngine.Host;

/// <summary>
/// A host daemon without its process: workers on threads of their own, and the conductor that lets guests attach at a Unix socket.
/// </summary>
public sealed class RdmaHost : IDisposable
{
    private readonly UnixListener _listener;
    private readonly Worker[] _workers;
    private readonly WorkerThread[] _threads;
    private readonly Conductor _conductor;
    private MigrationListener? _migrations;
    private int _disposed;

    private RdmaHost(HostOptions options, UnixListener listener, DeviceAddresses addresses, IHostReporter reporter)
    {
        _listener = listener;
        _workers = [.. Enumerable.Range(0, options.WorkerCount).Select(index => new Worker(index, reporter))];
        _threads = [.. _workers.Select(worker => new WorkerThread(worker))];
        _conductor = new Conductor(options, listener, _workers, addresses, reporter);
    }

    /// <summary>Where guests attach.</summary>
    public string SocketPath => _listener.Path;

    /// <summary>
    /// Checks the options against this machine and starts. Every address is bound once, so that a wrong or taken one is found now
    /// and not when a guest asks for it.
    /// </summary>
    /// <exception cref="HostStartException">One line that says what is wrong.</exception>
    public static RdmaHost Start(HostOptions options, IHostReporter reporter)
    {
        if (options.Addresses.Count == 0)
            throw new HostStartException("no address for guests");
        if (options.WorkerCount < 1)
            throw new HostStartException($"{options.WorkerCount} workers cannot serve anybody");
        UnixListener listener;
        try
        {
            listener = UnixListener.Open(options.SocketPath);
        }
        catch (ChannelException e)
        {
            throw new HostStartException(e.Message, e);
        }
        try
        {
            if (options.OwnsAddresses && AddressOwner.WhyNotPermitted() is { } problem)
                throw new HostStartException($"cannot own addresses: {problem}");
            var addresses = new DeviceAddresses(options, reporter);
            foreach (Gid address in options.Addresses)
                Probe(address, addresses, options, reporter);
            var host = new RdmaHost(options, listener, addresses, reporter);
            foreach (WorkerThread thread in host._threads)
                thread.Start();
            host._conductor.Start();
            host.ListenForMigrations(options);
            return host;
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <summary>Where other daemons bring devices; null when they may not.</summary>
    public IPEndPoint? MigrationEndPoint => _migrations?.EndPoint;

    private void ListenForMigrations(HostOptions options)
    {
        if (options.MigrationEndPoint is not { } endPoint)
            return;
        try
        {
            _migrations = MigrationListener.Open(_conductor.Migrations, endPoint);
            Rehearsal.Begin();
        }
        catch (Exception e) when (e is HostStreamException or MigrationException)
        {
            Dispose();
            throw new HostStartException($"cannot take devices at {endPoint}: {e.Message}", e);
        }
    }

    private static void Probe(Gid address, DeviceAddresses addresses, HostOptions options, IHostReporter reporter)
    {
        if (options.OwnsAddresses && addresses.Check(address, out bool isMissing) is var problem && isMissing)
        {
            // It comes with its first device; to have it before that could take it from another host.
            if (problem is not null)
                throw new HostStartException($"cannot use address {address}: {problem}");
            return;
        }
        try
        {
            using var link = new UdpLink(address, options.Link);
            reporter.Report(ReportLevel.Debug, link.Description);
        }
        catch (SystemCallException e)
        {
            string why = e.Errno switch
            {
                Errno.EADDRNOTAVAIL => "it is not an address of this machine",
                Errno.EADDRINUSE => $"UDP port {RoceUdp.Port} of it is in use",
                _ => e.Message,
            };
            throw new HostStartException($"cannot use address {address}: {why}", e);
        }
    }

    /// <summary>Closes all devices (their guests see a fatal event), removes the socket and ends all threads.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _conductor.Migrations.Stop();
        _migrations?.Dispose();
        _conductor.Dispose();
        _listener.Dispose();
        foreach (WorkerThread thread in _threads)
            thread.Dispose();
        foreach (Worker worker in _workers)
            worker.Dispose();
    }
}

/// <summary>A host cannot start; the message is one line for the person who started it.</summary>
public sealed class HostStartException : Exception
{
    public HostStartException(string message)
        : base(message)
    {
    }

    public HostStartException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
