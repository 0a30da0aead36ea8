using RoceEngine.Channel;
using RoceEngine.Verbs;

namespace RoceEngine.Embedded;

/// <summary>Devices inside the application's own process: no daemon, the same verbs.</summary>
public static class EmbeddedRdma
{
    /// <summary>
    /// Opens a device with an address of its own, like <see cref="RdmaContext.Attach"/> does at a daemon. <c>ibv_open_device</c>.
    /// Disposing of the context closes the device, and the host that was made for it.
    /// </summary>
    /// <exception cref="VerbsException">The address is not one of this machine or its port is taken, or there is no memory; the message says which.</exception>
    public static RdmaContext Open(EmbeddedOptions options)
    {
        EmbeddedHost host = options.Host ?? EmbeddedHost.Create(new EmbeddedHostOptions { Drive = options.Drive, Explain = options.Explain });
        DeviceChannel? channel = null;
        try
        {
            channel = host.OpenChannel(options, disposeHostWithIt: options.Host is null);
            return RdmaContext.Open(channel);
        }
        catch
        {
            channel?.Dispose();
            if (options.Host is null)
                host.Dispose();
            throw;
        }
    }
}
