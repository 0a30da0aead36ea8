using System.Diagnostics;
using RoceEngine.Channel;
using RoceEngine.Interop;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace RoceEngine.Host.Migration;

/// <summary>A device that stands still: what it is made of, and how it comes back to life here.</summary>
internal sealed class FrozenDevice : IDisposable
{
    /// <summary>Another daemon of this machine that had the address for a moment may take so long to let go of it.</summary>
    private static readonly TimeSpan AddressPatience = TimeSpan.FromSeconds(15);

    private const int PacketsPerLook = 1024;
    private const int LooksMax = 16;

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

    /// <summary>Packets that came for the device after it had stopped.</summary>
    public long LatePackets { get; private set; }

    /// <summary>Stops the device.</summary>
    public static Task<FrozenDevice> FreezeAsync(AttachedGuest guest)
    {
        DeviceSlot slot = guest.Slot;
        return HostThreads.OnWorker(guest.Worker, (worker, nowNs) =>
        {
            int queuePairs = slot.Device.QueuePairCount;
            ulong[] dirty = slot.Device.KeepsDirtyLog ? slot.Device.TakeLastDirtyPages() : [];
            return new FrozenDevice(slot, worker.Freeze(slot, nowNs), dirty, queuePairs);
        });
    }

    /// <summary>Another host can have the address from here on. What still came for it is dropped, and counted.</summary>
    /// <exception cref="MigrationException">It cannot be taken off its interface.</exception>
    public void LetAddressGo(MigrationHost host, bool isAddedThere)
    {
        string? problem = isAddedThere ? host.Addresses.TryGiveUp(_slot.Address) : null;
        var nobody = new NobodyReceives();

        // A bounded number: somebody may send without end.
        for (int look = 0; look < LooksMax && _slot.Link.Receive(nobody, PacketsPerLook) is > 0 and int received; look++)
            LatePackets += received;
        host.CountLatePackets(LatePackets);
        _slot.Link.Dispose();
        if (problem is not null)
            throw new MigrationException(problem);
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
        DeviceSlot? slot = await OpenSlotAsync(host, guest).ConfigureAwait(false);
        if (slot is null)
        {
            _slot.TellFatal();
            return;
        }
        await HostThreads.OnWorker(guest.Worker, (worker, nowNs) => worker.Adopt(slot, State, nowNs)).ConfigureAwait(false);
        await host.Threads.OnConductor(() => guest.Slot = slot).ConfigureAwait(false);
        host.Addresses.Settle(guest.Address);
        Dispose();
    }

    /// <summary>Lets go of what the device had here.</summary>
    public void Dispose() => _slot.Close();

    private async Task<DeviceSlot?> OpenSlotAsync(MigrationHost host, AttachedGuest guest)
    {
        long begin = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return host.OpenSlot(guest.Name, guest.Address, _slot.Memory);
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

    private sealed class NobodyReceives : IPacketReceiver
    {
        public void OnPacket(in Packet packet, in Gid source, in Gid destination)
        {
            // It was counted.
        }
    }
}
