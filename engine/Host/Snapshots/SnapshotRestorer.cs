using System.Net;
using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.Host.Migration;
using RoceEngine.Interop;
using RoceEngine.Links;
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
        if (await host.Threads.OnConductor(() => host.Guests.TryReserve(address, request.Identity)).ConfigureAwait(false) is { } problem)
            throw new MigrationException(problem);
        RestoreClaim claim;
        try
        {
            claim = host.Ledger?.TryClaim(request.Identity, request.SnapshotId, request.Epoch) ?? RestoreClaim.First;
        }
        catch (SnapshotException e)
        {
            await GiveBackAsync(address).ConfigureAwait(false);
            throw new MigrationException(e.Message);
        }
        try
        {
            return await StartAsync(saved, address, claim).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            if (claim == RestoreClaim.First)
                host.Ledger?.Unclaim(request.Identity, request.SnapshotId);
            await GiveBackAsync(address).ConfigureAwait(false);
            throw e is StateException or SystemCallException or ChannelException ? new MigrationException(e.Message) : e;
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

    private async Task<RestoreReply> StartAsync(SavedDevice saved, Gid address, RestoreClaim claim)
    {
        byte[] state = saved.State.ToArray();
        ChannelMemory memory = ChannelMemory.Expect(request.GuestRamBytes, request.ControlBytes, makesRam: false);
        try
        {
            memory.TakeOver(SharedMemory.Duplicate(saved.Descriptors[1]), SharedMemory.Duplicate(saved.Descriptors[0]));
            (string name, Worker worker) = await host.Threads.OnConductor(() => (host.Guests.NameFor(request.Device), host.Guests.NextWorker())).ConfigureAwait(false);
            DeviceSlot? slot = null;
            int queuePairs;
            try
            {
                UdpLink link = host.Addresses.OpenLink(address);
                slot = DeviceSlot.ForMoved(
                    new DeviceOptions { Name = name, Gid = address }, memory, link, WindowPolicy.LimitBytes(link.ReceiveBufferBytes), host.Reporter);
                queuePairs = await HostThreads.OnWorker(worker, (owner, nowNs) => Start(owner, slot, state, claim, nowNs)).ConfigureAwait(false);
            }
            catch
            {
                slot?.Close();
                await host.Threads.OnConductor(() => host.Guests.GiveBackName(name)).ConfigureAwait(false);
                throw;
            }
            await host.Threads.OnConductor(() => host.Guests.Add(Guest(name, address, slot, worker))).ConfigureAwait(false);
            host.Record(request.Identity, request.Epoch + 1);
            string? why = WhyBroken(claim);
            host.Reporter.Report(ReportLevel.Information, $"device {name} ({address}) was restored{(why is null ? "" : $"; its queue pairs are in error: {why}")}");
            return new RestoreReply { Name = name, Address = address.ToString(), QueuePairs = queuePairs, WhyBroken = why };
        }
        finally
        {
            memory.Release();
        }
    }

    private static int Start(Worker worker, DeviceSlot slot, byte[] state, RestoreClaim claim, long nowNs)
    {
        worker.Prepare(slot, state, nowNs);

        // Before it is served: not one packet leaves with a number that was used.
        if (claim != RestoreClaim.First)
            slot.Device.BreakQueuePairs(nowNs);
        worker.Start(slot, nowNs);
        return slot.Device.QueuePairCount;
    }

    private AttachedGuest Guest(string name, Gid address, DeviceSlot slot, Worker worker) => new()
    {
        Name = name,
        Address = address,
        Slot = slot,
        Worker = worker,
        ProcessId = 0,
        UserId = userId,
        Identity = request.Identity,
        Epoch = request.Epoch + 1,
    };

    private static string? WhyBroken(RestoreClaim claim) => claim switch
    {
        RestoreClaim.AlreadyRestored => "this snapshot was restored before",
        RestoreClaim.OlderThanKnown => "the device went on after this snapshot was taken",
        _ => null,
    };

    private Task GiveBackAsync(Gid address) => host.Threads.OnConductor(() => host.Guests.GiveBack(address));
}
