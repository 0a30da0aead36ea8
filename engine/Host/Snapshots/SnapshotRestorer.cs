using System.Net;
using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Host.Migration;
using RoceEngine.Interop;
using RoceEngine.Protocol;
using RoceEngine.Snapshots;
using RoceEngine.Wire;

namespace RoceEngine.Host.Snapshots;

/// <summary>
/// Brings a saved device back to life, without a guest: it answers its peers and completes what was begun. What the client says is not believed before it
/// was looked at. Runs on the thread pool.
/// </summary>
internal sealed class SnapshotRestorer(MigrationHost host, RestoreRequest request, int[] descriptors, uint userId)
{
    private const long StateBytesMax = 256L << 20;

    /// <exception cref="MigrationException">It cannot be here; nothing has changed.</exception>
    public async Task<RestoreReply> RunAsync()
    {
        using SavedDevice saved = Take();
        if (!IPAddress.TryParse(request.Address, out IPAddress? parsed))
            throw new MigrationException($"'{request.Address}' is not an IP address");
        Gid address = Gid.From(parsed);
        if (request.Replaces is not { } device)
            return await RestoreAsync(saved, address).ConfigureAwait(false);
        ReplacedDevice replaced = await SetAsideAsync(device, address).ConfigureAwait(false);
        RestoreReply reply;
        try
        {
            reply = await RestoreAsync(saved, address).ConfigureAwait(false);
        }
        catch
        {
            await replaced.GoOnAsync().ConfigureAwait(false);
            throw;
        }
        await replaced.EndAsync().ConfigureAwait(false);
        return reply;
    }

    private async Task<ReplacedDevice> SetAsideAsync(string device, Gid address)
    {
        try
        {
            return await ReplacedDevice.SetAsideAsync(host, device, address).ConfigureAwait(false);
        }
        catch (StateException e)
        {
            throw new MigrationException(e.Message);
        }
    }

    private async Task<RestoreReply> RestoreAsync(SavedDevice saved, Gid address)
    {
        if (await host.Threads.OnConductor(() => host.Guests.TryReserve(address, request.Identity)).ConfigureAwait(false) is { } problem)
            throw new MigrationException(problem);
        try
        {
            return await StartAsync(saved, address).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            await host.Threads.OnConductor(() => host.Guests.GiveBack(address)).ConfigureAwait(false);
            throw e is StateException or SystemCallException or ChannelException or SnapshotException ? new MigrationException(e.Message) : e;
        }
    }

    private SavedDevice Take()
    {
        string? problem =
            request.GuestRamBytes < ChannelProtocol.GuestRamBytesMin || request.GuestRamBytes > host.Options.GuestRamBytesMax
                ? $"not enough memory: the guest has {request.GuestRamBytes} bytes, and this daemon gives one guest {host.Options.GuestRamBytesMax}"
            : request.ControlBytes != ControlRegion.Bytes
                ? $"the guest's control region has {request.ControlBytes} bytes, and this daemon's have {ControlRegion.Bytes}"
            : request.DeviceStateBytes is < 0 or > StateBytesMax ? $"a device state of {request.DeviceStateBytes} bytes"
            : null;
        if (problem is not null)
        {
            Array.ForEach(descriptors, descriptor => Events.Close(descriptor));
            throw new MigrationException(problem);
        }
        try
        {
            return SavedDevice.From(descriptors, request.GuestRamBytes, request.ControlBytes, request.DeviceStateBytes);
        }
        catch (Exception e) when (e is ChannelException or SystemCallException)
        {
            throw new MigrationException(e.Message);
        }
    }

    private async Task<RestoreReply> StartAsync(SavedDevice saved, Gid address)
    {
        byte[] state = saved.State.ToArray();
        ChannelMemory memory = ChannelMemory.Expect(request.GuestRamBytes, request.ControlBytes, makesRam: false);
        try
        {
            memory.TakeOver(SharedMemory.Duplicate(saved.Descriptors[1]), SharedMemory.Duplicate(saved.Descriptors[0]));
            (string name, Worker worker) = await host.Threads.OnConductor(() => (host.Guests.NameFor(request.Device), host.Guests.NextWorker())).ConfigureAwait(false);
            DeviceSlot? slot = null;
            string? why;
            try
            {
                slot = host.OpenSlot(name, address, memory);
                await HostThreads.OnWorker(worker, (owner, nowNs) => owner.Prepare(slot, state, nowNs)).ConfigureAwait(false);
                why = await ClaimAsync(worker, slot).ConfigureAwait(false);
            }
            catch
            {
                slot?.Close();
                await host.Threads.OnConductor(() => host.Guests.GiveBackName(name)).ConfigureAwait(false);
                throw;
            }
            await HostThreads.OnWorker(worker, (owner, nowNs) => Start(owner, slot, isBroken: why is not null, nowNs)).ConfigureAwait(false);
            AttachedGuest guest = Guest(name, address, slot, worker, isCopy: why is not null);
            await host.Threads.OnConductor(() => host.Guests.Add(guest)).ConfigureAwait(false);
            host.Record(guest.Identity, guest.Epoch);
            host.Reporter.Report(ReportLevel.Information, $"device {name} ({address}) was restored{(why is null ? "" : $"; its queue pairs are in error: {why}")}");
            return new RestoreReply { Name = name, Address = address.ToString(), QueuePairs = slot.Device.QueuePairCount, WhyBroken = why };
        }
        finally
        {
            memory.Release();
        }
    }

    /// <summary>
    /// The right to go on where the device stopped, asked for when nothing else can go wrong any more, since it is given once. Null when it was given,
    /// else why not.
    /// </summary>
    /// <exception cref="SnapshotException">Nobody can tell.</exception>
    private async Task<string?> ClaimAsync(Worker worker, DeviceSlot slot)
    {
        const string wentOn = "the device went on after this snapshot was taken";
        if (!request.WasStopped)
            return wentOn;
        try
        {
            return host.Ledger?.TryClaim(request.Identity, request.SnapshotId, request.Epoch) switch
            {
                RestoreClaim.AlreadyRestored => "this snapshot was restored before",
                RestoreClaim.OlderThanKnown => wentOn,
                _ => null,
            };
        }
        catch
        {
            await HostThreads.OnWorker(worker, (owner, _) => owner.Abandon(slot)).ConfigureAwait(false);
            throw;
        }
    }

    private static void Start(Worker worker, DeviceSlot slot, bool isBroken, long nowNs)
    {
        // Before it is served: not one packet leaves with a number that was used.
        if (isBroken)
            slot.Device.BreakQueuePairs(nowNs);
        worker.Start(slot, nowNs);
    }

    /// <summary>The device itself in a new life; or a copy of it, which has an identity and lives of its own.</summary>
    private AttachedGuest Guest(string name, Gid address, DeviceSlot slot, Worker worker, bool isCopy) => new()
    {
        Name = name,
        Address = address,
        Slot = slot,
        Worker = worker,
        ProcessId = 0,
        AwaitsGuest = true,
        UserId = userId,
        Identity = isCopy ? Guid.NewGuid() : request.Identity,
        Epoch = isCopy ? 1 : request.Epoch + 1,
    };
}
