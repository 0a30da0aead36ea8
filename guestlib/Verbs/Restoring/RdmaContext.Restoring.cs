using System.Net;
using RoceEngine.Channel;
using RoceEngine.Verbs.Internals;
using RoceEngine.Verbs.Internals.Restoring;

namespace RoceEngine.Verbs;

/// <content>A device that another process left.</content>
public sealed partial class RdmaContext
{
    /// <summary>A device that another process left.</summary>
    private RdmaContext(DeviceChannel channel, LedgerReader ledger)
    {
        Driver = new DeviceDriver(channel, ledger.Head);
        try
        {
            Name = channel.Name;
            Address = IPAddress.Parse(channel.Address);
            Pump = new EventPump(this, Driver);
            Restored = Restorer.Run(this, ledger);
            channel.ConfirmRestored();
        }
        catch
        {
            Pump?.Dispose();
            Driver.Dispose();
            throw;
        }

        // What was posted, and what was to be told, when the process before this one stopped in the middle of it.
        foreach (QueuePair pair in Restored.QueuePairs)
        {
            pair.RingAnyway();
        }

        foreach (CompletionQueue queue in Restored.CompletionQueues)
        {
            queue.NotifyAgain();
        }
    }

    /// <summary>What the process before this one left, after <see cref="AttachRestored"/>; null for a device that began with this context.</summary>
    public RestoredObjects? Restored { get; }

    /// <summary>
    /// Takes a device that <c>vrdma restore</c> brought back, where the process stopped that had it when it was saved: guest RAM is mapped at the
    /// very addresses that it had there, and <see cref="Restored"/> has all objects, with their keys and numbers, the work requests outstanding and the completions not yet polled.
    /// Peers go on as after a pause. When the device went on after it was saved, its queue pairs are in error, and
    /// <see cref="AsyncEventType.QueuePairFatal"/> events and flushed completions wait here.
    /// </summary>
    /// <remarks>
    /// What the process had in guest RAM is there, and nothing else of it is: no local variable, and no completion that it had polled and not noted (see
    /// <see cref="CompletionQueue.Rewind"/>). From here on the device is this process's, and ends with it.
    /// </remarks>
    /// <param name="device">The device's name or address in the daemon.</param>
    /// <param name="socketPath">The daemon's socket; null for <c>VRDMA_SOCKET</c>, or else the default path.</param>
    /// <exception cref="VerbsException">
    /// The daemon is not there (ENODEV) or refused (EINVAL): no such device, or a process has it. EADDRINUSE: this process has something else where guest
    /// RAM must be; another process may have not. EOPNOTSUPP: the process that was saved kept no notes for another one. EIO: what is there is
    /// damaged. In all of these cases the device stays as it is, for the next one to try.
    /// </exception>
    public static RdmaContext AttachRestored(string device, string? socketPath = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(device);
        DeviceChannel? channel = null;
        try
        {
            using DaemonConnection connection = DaemonConnection.Open(socketPath);
            channel = connection.AttachRestored(device);
            return OpenRestored(channel);
        }
        catch (Exception e) when (e is ChannelException or VerbsException)
        {
            channel?.Dispose();
            if (e is VerbsException)
            {
                throw;
            }

            int errno = e is ChannelRefusedException ? Errno.Invalid : (e as RestoredMemoryException)?.Errno ?? Errno.NoDevice;
            throw new VerbsException(errno, e.Message, e);
        }
    }

    /// <summary>Takes the device behind a channel, which another process left. The caller closes the channel when it fails.</summary>
    internal static RdmaContext OpenRestored(DeviceChannel channel) => new(channel, new LedgerReader(channel));
}
