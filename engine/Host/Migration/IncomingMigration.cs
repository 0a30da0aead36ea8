using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.HostStream;
using RoceEngine.Interop;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Host.Migration;

/// <summary>A device comes from another daemon. Runs on the thread pool; what it is told by the other side it does not believe before it has looked.</summary>
internal sealed class IncomingMigration(MigrationHost host, HostConnection connection)
{
    private const long StateBytesMax = 256L << 20;

    /// <summary>The guest may take so long to show itself.</summary>
    private static readonly TimeSpan ClaimPatience = TimeSpan.FromSeconds(30);

    /// <summary>The address's last socket on this machine may take so long to go.</summary>
    private static readonly TimeSpan AddressPatience = TimeSpan.FromSeconds(2);

    public async Task RunAsync()
    {
        ComingGuest? coming = null;
        try
        {
            coming = await AcceptAsync().ConfigureAwait(false);
            Task<HostFrame> next = connection.ReceiveAsync(host.Stopping).AsTask();
            await AwaitClaimAsync(coming, next).ConfigureAwait(false);
            if (!coming.Offer.CopiesMemory)
                coming.Memory.MapUsedPages();
            await connection.SendAsync((ushort)MigrationFrame.Claimed, default, host.Stopping).ConfigureAwait(false);
            _ = TellWhenFrozenAsync(coming);
            ReadOnlyMemory<byte> state = await ReceiveAsync(coming, next).ConfigureAwait(false);
            Urgency.Begin();
            bool isTaken = await TryTakeAsync(coming, state).ConfigureAwait(false);

            // From here on those who wait for the device need the cores.
            Urgency.End();
            if (!isTaken)
                throw new MigrationException("the device was called back");
            await TellItRunsAsync().ConfigureAwait(false);
            await AwaitGuestAsync(coming).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MigrationException or StateException or SystemCallException)
        {
            await RefuseAsync(e.Message).ConfigureAwait(false);
            await DropAsync(coming).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HostStreamException or OperationCanceledException or TimeoutException)
        {
            host.Reporter.Report(ReportLevel.Warning, $"a migration from {connection.RemoteEndPoint} came to nothing: {e.Message}");
            await DropAsync(coming).ConfigureAwait(false);
        }
        finally
        {
            coming?.Memory.Release();
        }
    }

    private async Task<ComingGuest> AcceptAsync()
    {
        HostFrame frame = await connection.ReceiveAsync(host.Stopping).ConfigureAwait(false);
        MigrationOffer offer = ReadOffer(frame);
        if (offer.StateVersion != VrdmaDevice.StateVersion)
            throw new MigrationException($"the device's state has version {offer.StateVersion}; this daemon knows version {VrdmaDevice.StateVersion}");
        ComingGuest coming = await host.Threads.OnConductor(() => Reserve(offer)).ConfigureAwait(false);
        var accepted = new MigrationAccepted { Name = coming.Name, SocketPath = System.IO.Path.GetFullPath(host.Options.SocketPath), Token = coming.Token, AddsAddress = coming.AddsAddress };
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(accepted, MigrationJson.Default.MigrationAccepted);
        await connection.SendAsync((ushort)MigrationFrame.Accepted, json, host.Stopping).ConfigureAwait(false);
        return coming;
    }

    private static MigrationOffer ReadOffer(HostFrame frame)
    {
        try
        {
            if (frame.Type == (ushort)MigrationFrame.Offer && JsonSerializer.Deserialize(frame.Payload.Span, MigrationJson.Default.MigrationOffer) is { } offer)
                return offer;
        }
        catch (JsonException)
        {
            // As good as no offer.
        }
        throw new MigrationException("the first message is no offer of a device");
    }

    private ComingGuest Reserve(MigrationOffer offer)
    {
        if (!IPAddress.TryParse(offer.Address, out IPAddress? parsed))
            throw new MigrationException($"'{offer.Address}' is not an IP address");
        if (offer.GuestRamBytes < ChannelProtocol.GuestRamBytesMin || offer.GuestRamBytes > host.Options.GuestRamBytesMax)
            throw new MigrationException($"not enough memory: the guest has {offer.GuestRamBytes} bytes, and this daemon gives one guest {host.Options.GuestRamBytesMax}");
        if (offer.ControlBytes != ControlRegion.Bytes)
            throw new MigrationException($"the guest's control region has {offer.ControlBytes} bytes, and this daemon's have {ControlRegion.Bytes}");
        Gid address = Gid.From(parsed);
        if (host.Guests.TryReserve(address, offer.Identity, out bool isMissing) is { } problem)
            throw new MigrationException(problem);
        string? name = null;
        try
        {
            name = host.Guests.NameFor(offer.Device);
            ChannelMemory memory = ChannelMemory.Expect(offer.GuestRamBytes, offer.ControlBytes, makesRam: offer.CopiesMemory);

            // Pages are placed while the guest may end at any moment: whoever places them holds the memory too.
            memory.AddReference();
            var coming = new ComingGuest(host, offer, name, address, isMissing, memory, host.Guests.NextWorker());
            host.Coming.Add(coming);
            return coming;
        }
        catch (Exception e) when (e is SystemCallException or MigrationException)
        {
            host.Guests.GiveBack(address);
            if (name is not null)
                host.Guests.GiveBackName(name);
            throw e is MigrationException ? e : new MigrationException($"not enough memory: {e.Message}");
        }
    }

    /// <summary>The guest shows itself, unless the other daemon goes first: it has nothing to say before that, and its address is not kept from it.</summary>
    private async Task AwaitClaimAsync(ComingGuest coming, Task<HostFrame> next)
    {
        Task first = await Task.WhenAny(coming.Claimed, next).WaitAsync(ClaimPatience, host.Stopping).ConfigureAwait(false);
        if (first == coming.Claimed)
            return;
        HostFrame early = await next.ConfigureAwait(false);
        throw new MigrationException($"message {early.Type} came before the guest");
    }

    /// <summary>Rounds of memory, then the device's state.</summary>
    private async Task<ReadOnlyMemory<byte>> ReceiveAsync(ComingGuest coming, Task<HostFrame> next)
    {
        var state = new ArrayBufferWriter<byte>();
        while (true)
        {
            if (await Task.WhenAny(coming.Ended, next).ConfigureAwait(false) == coming.Ended)
                throw new MigrationException("the device's guest is gone");
            HostFrame frame = await next.ConfigureAwait(false);
            switch ((MigrationFrame)frame.Type)
            {
                case MigrationFrame.Pages when coming.Offer.CopiesMemory:
                    Place(coming.Memory, frame.Payload.Span);
                    break;
                case MigrationFrame.RoundEnd:
                    await connection.SendAsync((ushort)MigrationFrame.RoundTaken, default).ConfigureAwait(false);
                    break;
                case MigrationFrame.State when state.WrittenCount + frame.Payload.Length <= StateBytesMax:
                    state.Write(frame.Payload.Span);
                    break;
                case MigrationFrame.StateEnd when coming.Offer.CopiesMemory && !coming.Frozen.IsCompleted:
                    throw new MigrationException("the device's guest is not frozen");
                case MigrationFrame.StateEnd when frame.Payload.Length == sizeof(long) && BitConverter.ToInt64(frame.Payload.Span) == state.WrittenCount:
                    return state.WrittenMemory;
                default:
                    throw new MigrationException($"message {frame.Type} makes no sense here");
            }
            next = connection.ReceiveAsync(host.Stopping).AsTask();
        }
    }

    /// <summary>Everybody waits from then on, so a silent network is not waited for.</summary>
    private async Task TellWhenFrozenAsync(ComingGuest coming)
    {
        if (await Task.WhenAny(coming.Frozen, coming.Ended).ConfigureAwait(false) != coming.Frozen)
            return;
        try
        {
            connection.SetIdleTimeout(TimeSpan.FromMilliseconds(Math.Clamp(coming.Offer.PatienceMs, 1, MigrateRequest.PatienceMsMax)));
            await connection.SendAsync((ushort)MigrationFrame.GuestFrozen, default).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HostStreamException or ObjectDisposedException)
        {
            // Whoever receives learns it, and drops the device.
        }
    }

    private static unsafe void Place(ChannelMemory memory, ReadOnlySpan<byte> payload)
    {
        long first = payload.Length >= sizeof(long) ? BinaryPrimitives.ReadInt64LittleEndian(payload) : -1;
        ReadOnlySpan<byte> pages = payload[Math.Min(sizeof(long), payload.Length)..];
        long pageCount = memory.GuestRamBytes >> PvrdmaPageDirectory.PageShift;
        long count = pages.Length >> PvrdmaPageDirectory.PageShift;
        if (first < 0 || first > pageCount || count > pageCount - first || pages.Length != count << PvrdmaPageDirectory.PageShift)
            throw new MigrationException("pages outside of guest memory");
        pages.CopyTo(new Span<byte>(memory.GuestRam + (first << PvrdmaPageDirectory.PageShift), pages.Length));
    }

    /// <summary>Makes the device and lets it run, unless it was withdrawn meanwhile. From then on it is here, whatever becomes of the other daemon.</summary>
    private async Task<bool> TryTakeAsync(ComingGuest coming, ReadOnlyMemory<byte> state)
    {
        DeviceSlot slot = await OpenSlotAsync(coming).ConfigureAwait(false);
        bool isTaken = false;
        Exception? failure = null;
        try
        {
            await HostThreads.OnWorker(coming.Worker, (owner, nowNs) =>
            {
                owner.Prepare(slot, state, nowNs);
                isTaken = coming.Decision.TryTake();
                if (isTaken)
                    failure = TryStart(owner, slot, nowNs);

                // Nobody waits for the conductor to take note, and the guest need not wait for this method.
                host.Post(() => coming.EndPreparation(slot, isTaken, failure));
            }).ConfigureAwait(false);
        }
        catch
        {
            slot.Close();
            throw;
        }
        return isTaken;
    }

    /// <summary>A device that was taken is nowhere else: a failure is the end of it.</summary>
    private static Exception? TryStart(Worker worker, DeviceSlot slot, long nowNs)
    {
        try
        {
            worker.Start(slot, nowNs);
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private async Task TellItRunsAsync()
    {
        try
        {
            await connection.SendAsync((ushort)MigrationFrame.Running, default).ConfigureAwait(false);
        }
        catch (HostStreamException)
        {
            // It runs, whether or not anybody there still wants to know.
        }
    }

    private async Task<DeviceSlot> OpenSlotAsync(ComingGuest coming)
    {
        long begin = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return host.OpenSlot(coming.Name, coming.Address, coming.Memory);
            }
            catch (SystemCallException e) when (e.Errno == Errno.EADDRINUSE && Stopwatch.GetElapsedTime(begin) < AddressPatience)
            {
                await Task.Delay(1).ConfigureAwait(false);
            }
        }
    }

    private async Task AwaitGuestAsync(ComingGuest coming)
    {
        if (!await coming.Ended.ConfigureAwait(false))
        {
            host.Reporter.Report(ReportLevel.Warning, $"device {coming.Name} ({coming.Address}) came from {connection.RemoteEndPoint}, and is gone: its guest had ended, or it could not be started");
            return;
        }
        host.Record(coming.Offer.Identity, coming.Offer.Epoch);
        host.Reporter.Report(ReportLevel.Information, $"device {coming.Name} ({coming.Address}) came from {connection.RemoteEndPoint} ({connection.PeerName})");
    }

    private async Task RefuseAsync(string why)
    {
        host.Reporter.Report(ReportLevel.Warning, $"refused a device from {connection.RemoteEndPoint} ({connection.PeerName}): {why}");
        try
        {
            await connection.SendAsync((ushort)MigrationFrame.Refused, Encoding.UTF8.GetBytes(why)).ConfigureAwait(false);
        }
        catch (HostStreamException)
        {
            // Then the other side learns it from the end of the connection.
        }
    }

    private Task DropAsync(ComingGuest? coming) => coming is null ? Task.CompletedTask : host.Threads.OnConductor(coming.GiveUp);
}
