using System.Diagnostics;
using RoceEngine.Channel;
using RoceEngine.Interop;
using RoceEngine.Links;

namespace RoceEngine.Host.Migration;

/// <summary>A device that stands still: what it is made of, and how it comes back to life here.</summary>
internal sealed class FrozenDevice : IDisposable
{
    /// <summary>Another daemon of this machine that had the address for a moment may take so long to let go of it.</summary>
    private static readonly TimeSpan AddressPatience = TimeSpan.FromSeconds(15);

    private readonly DeviceSlot _slot;

    private FrozenDevice(DeviceSlot slot, byte[] state, ulong[] dirtyPages, int queuePairs)
    {
        _slot = slot;
        State = state;
        DirtyPages = dirtyPages;
        QueuePairs = queuePairs;
        GuestRamBytes = slot.Memory.GuestRamBytes;
    }

    /// <summary>The device as bytes.</summary>
    public ReadOnlyMemory<byte> State { get; }

    /// <summary>What the device wrote since its log was last looked at; empty where it keeps none.</summary>
    public ulong[] DirtyPages { get; }

    public int QueuePairs { get; }

    public long GuestRamBytes { get; }

    /// <summary>Stops the device, and lets its address go.</summary>
    public static async Task<FrozenDevice> FreezeAsync(AttachedGuest guest)
    {
        DeviceSlot slot = guest.Slot;
        FrozenDevice frozen = await HostThreads.OnWorker(guest.Worker, (worker, nowNs) =>
        {
            int queuePairs = slot.Device.QueuePairCount;
            ulong[] dirty = slot.Device.KeepsDirtyLog ? slot.Device.TakeLastDirtyPages() : [];
            return new FrozenDevice(slot, worker.Freeze(slot, nowNs), dirty, queuePairs);
        }).ConfigureAwait(false);
        slot.Link.Dispose();
        return frozen;
    }

    /// <summary>Stops a device that was saved in the same command of its worker, and lets its address go.</summary>
    public static FrozenDevice Halt(Worker worker, DeviceSlot slot, byte[] state)
    {
        int queuePairs = slot.Device.QueuePairCount;
        worker.Halt(slot);
        slot.Link.Dispose();
        return new FrozenDevice(slot, state, [], queuePairs);
    }

    /// <summary>The device goes on here as if nothing had happened.</summary>
    public async Task ThawAsync(MigrationHost host, AttachedGuest guest)
    {
        UdpLink? link = await OpenLinkAsync(host, guest).ConfigureAwait(false);
        if (link is null)
        {
            _slot.TellFatal();
            return;
        }
        DeviceSlot slot = DeviceSlot.ForMoved(
            new Device.DeviceOptions { Name = guest.Name, Gid = guest.Address }, _slot.Memory, link, WindowPolicy.LimitBytes(link.ReceiveBufferBytes), host.Reporter);
        await HostThreads.OnWorker(guest.Worker, (worker, nowNs) => worker.Adopt(slot, State, nowNs)).ConfigureAwait(false);
        await host.Threads.OnConductor(() => guest.Slot = slot).ConfigureAwait(false);
        Dispose();
    }

    /// <summary>Lets go of what the device had here.</summary>
    public void Dispose() => _slot.Close();

    private static async Task<UdpLink?> OpenLinkAsync(MigrationHost host, AttachedGuest guest)
    {
        long begin = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return new UdpLink(guest.Address, host.Options.Link);
            }
            catch (SystemCallException e)
            {
                if (Stopwatch.GetElapsedTime(begin) > AddressPatience)
                {
                    host.Reporter.Report(ReportLevel.Error, $"device {guest.Name} cannot go on: {guest.Address} cannot be used any more: {e.Message}");
                    return null;
                }
            }
            await Task.Delay(1).ConfigureAwait(false);
        }
    }
}
