using RoceEngine.Channel;
using RoceEngine.Host.Migration;
using RoceEngine.Snapshots;

namespace RoceEngine.Host.Snapshots;

/// <summary>The saving of a device for a client, from its request to the answer, and to the client's decision where the device is to stop.</summary>
internal sealed class SnapshotSession(MigrationHost host, ControlClient client, AttachedGuest guest, bool stops)
{
    /// <summary>Begins to save a device for a client, or refuses it. On the conductor's thread.</summary>
    public static void Begin(MigrationHost host, ControlClient client, AttachedGuest guest, bool stops)
    {
        if (guest.IsDetaching || guest.Move is not null || guest.IsBeingSaved)
        {
            client.Refuse($"device '{guest.Name}' is being moved or saved already, or ends");
            return;
        }
        if (guest.Taker is { } taker)
        {
            client.Refuse($"device '{guest.Name}' is about to be taken by process {taker.Peer.ProcessId}");
            return;
        }
        guest.IsBeingSaved = true;
        client.IsBusy = true;
        if (guest.Client is { } guestClient)
        {
            guest.Move = new GuestConversation(guestClient, host.Post);
            guestClient.IsHeld = true;
            guestClient.AllowBytes(MoveSignals.MessageBytesMax);
        }
        host.Run(new SnapshotSession(host, client, guest, stops).RunAsync);
    }

    private async Task RunAsync()
    {
        var taker = new SnapshotTaker(guest, stops);
        DaemonReply reply;
        SavedDevice? saved = null;
        try
        {
            (SnapshotReply snapshot, saved) = await taker.RunAsync(host.Stopping).ConfigureAwait(false);
            if (!stops)
                BeginNewLife();
            host.Reporter.Report(ReportLevel.Information, $"device {guest.Name} ({guest.Address}) was saved; it stood still for {snapshot.FrozenMs:F2} ms");
            reply = new DaemonReply { Saved = snapshot };
        }
        catch (Exception e) when (e is MigrationException or OperationCanceledException or SnapshotException)
        {
            saved?.Dispose();
            saved = null;
            reply = new DaemonReply { Refusal = e is OperationCanceledException ? "the daemon stops" : e.Message };
        }
        if (taker.Frozen is { } frozen)
            await DecideAsync(frozen, reply, saved).ConfigureAwait(false);
        else
            await host.Threads.OnConductor(() => End(reply, saved)).ConfigureAwait(false);
    }

    /// <summary>The device stands still until its client has it in safety, or has not.</summary>
    private async Task DecideAsync(FrozenDevice frozen, DaemonReply reply, SavedDevice? saved)
    {
        bool ends = false;
        if (saved is not null)
        {
            var standing = new StandingDevice(client);

            // When this host stops, the device ends in any case, and what was saved is all that is left.
            using CancellationTokenRegistration stop = host.Stopping.Register(() => host.Post(standing.End));
            await host.Threads.OnConductor(() =>
            {
                client.Standing = standing;
                Answer(reply, saved);
            }).ConfigureAwait(false);
            ends = await standing.Decision.ConfigureAwait(false);
            reply = new DaemonReply { HasEnded = ends };
        }
        if (!ends)
            await ThawAsync(frozen, wasHandedOut: saved is not null).ConfigureAwait(false);
        await host.Threads.OnConductor(() =>
        {
            client.Standing = null;
            End(ends || saved is null ? reply : null, saved: null);
            if (ends)
                host.Guests.Detach(guest, "it was saved and stopped");
        }).ConfigureAwait(false);
    }

    private async Task ThawAsync(FrozenDevice frozen, bool wasHandedOut)
    {
        if (wasHandedOut)
            host.Record(guest.Identity, ++guest.Epoch);
        await frozen.ThawAsync(host, guest).ConfigureAwait(false);
        if (wasHandedOut)
            host.Reporter.Report(ReportLevel.Information, $"device {guest.Name} ({guest.Address}) goes on: what was saved of it was not kept");
    }

    private void End(DaemonReply? reply, SavedDevice? saved)
    {
        guest.Move = null;
        guest.IsBeingSaved = false;
        if (guest.Client is { } guestClient)
            guestClient.IsHeld = false;
        if (reply is not null)
            Answer(reply, saved);
    }

    private void Answer(DaemonReply reply, SavedDevice? saved)
    {
        client.IsBusy = false;
        if (saved is null)
            client.Send(reply);
        else
            client.TrySendWithDescriptors(reply, saved.Descriptors);
        saved?.Dispose();
    }

    /// <summary>What was saved of the device so far is older than the device from here on.</summary>
    /// <exception cref="SnapshotException">That could not be noted: nobody may get what was saved.</exception>
    private void BeginNewLife() => host.Ledger?.Record(guest.Identity, ++guest.Epoch);
}
