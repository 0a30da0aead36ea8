using System.Net;
using RoceEngine.Embedded;
using RoceEngine.PerfTool.Options;
using RoceEngine.Verbs;

namespace RoceEngine.PerfTool.Running;

/// <summary>Opens the device that a side runs on.</summary>
internal static class Devices
{
    /// <summary>The device of a side that runs alone: a daemon's, or one embedded here.</summary>
    /// <exception cref="UsageException">The device, address or socket that was named cannot be had.</exception>
    /// <exception cref="VerbsException">The daemon is not there, or refused.</exception>
    public static RdmaContext Open(PerfOptions options)
    {
        try
        {
            return options.Embedded is { } address
                ? OpenEmbedded(options, address, host: null)
                : Named(options, Attach(options));
        }
        catch (VerbsException exception) when (options.Embedded is not null || options.Address is not null || options.Device is not null || options.SocketPath is not null)
        {
            throw new UsageException(exception.Message);
        }
    }

    /// <summary>An embedded device; it is driven by polling, unless the test sleeps on events.</summary>
    /// <param name="options">The run.</param>
    /// <param name="address">The device's address.</param>
    /// <param name="host">The host to put it into, or null for one of its own.</param>
    public static RdmaContext OpenEmbedded(PerfOptions options, IPAddress address, EmbeddedHost? host) =>
        EmbeddedRdma.Open(new EmbeddedOptions
        {
            Address = address,
            MemoryBytes = Endpoint.MemoryBytesFor(options),
            Drive = Drive(options),
            Host = host,
        });

    /// <summary>A host for the two guests of a local pair.</summary>
    public static EmbeddedHost CreateHost(PerfOptions options) =>
        EmbeddedHost.Create(new EmbeddedHostOptions { Drive = Drive(options) });

    private static DriveMode Drive(PerfOptions options) => options.UseEvents ? DriveMode.Thread : DriveMode.Inline;

    /// <summary>A daemon's device.</summary>
    public static RdmaContext Attach(PerfOptions options) => RdmaContext.Attach(new AttachOptions
    {
        SocketPath = options.SocketPath,
        Address = options.Address ?? (IPAddress.TryParse(options.Device, out IPAddress? address) ? address : null),
        MemoryBytes = Endpoint.MemoryBytesFor(options),
    });

    /// <summary>Checks the device that -d named.</summary>
    private static RdmaContext Named(PerfOptions options, RdmaContext context)
    {
        if (options.Device is null || options.Device == context.Name || IPAddress.TryParse(options.Device, out _))
            return context;

        string found = $"{context.Name} at {context.Address}";
        context.Dispose();
        throw new UsageException($"-d/--ib-dev '{options.Device}': no such device (there is {found})");
    }
}
