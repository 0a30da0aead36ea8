using System.Diagnostics;
using RoceEngine.Channel;
using RoceEngine.Host.Migration;
using RoceEngine.Interop;

namespace RoceEngine.Host.Snapshots;

/// <summary>
/// Saves a device: copies its guest's memory while both run, holds both for the rest of it and the device's state, and lets them go on. Runs on the thread
/// pool.
/// </summary>
internal sealed class SnapshotTaker(AttachedGuest guest, bool stops)
{
    /// <summary>Written memory so small is copied while guest and device stand still.</summary>
    private const long LastRoundBytesMax = 1 << 20;

    private const int RoundsMax = 8;
    private const int PagesPerRun = 1 << 12;

    private readonly DeviceSlot _slot = guest.Slot;

    /// <summary>The device, once it stands still, which it does until somebody decides: it is the caller's from then on, whatever else happens.</summary>
    public FrozenDevice? Frozen { get; private set; }

    /// <summary>Returns what was saved, which the caller owns.</summary>
    /// <exception cref="MigrationException">It was not saved, and runs as before unless it stands still.</exception>
    public async Task<(SnapshotReply Reply, SavedDevice Saved)> RunAsync(CancellationToken cancellation)
    {
        using TrackedGuest? tracked = await TrackAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await CopyAsync(tracked, cancellation).ConfigureAwait(false);
        }
        catch (SystemCallException e)
        {
            throw new MigrationException($"not enough memory: {e.Message}");
        }
        finally
        {
            guest.Move?.Say(MoveSignals.Stay);
            if (Frozen is null)
                await HostThreads.OnWorker(guest.Worker, (_, _) => _slot.Device.StopDirtyLog()).ConfigureAwait(false);
        }
    }

    /// <summary>Null when no guest holds the device: then the device alone writes.</summary>
    private async Task<TrackedGuest?> TrackAsync(CancellationToken cancellation)
    {
        if (guest.Move is not { } conversation)
            return null;
        GuestAnswer answer = await AskAsync(conversation, MoveSignals.Track, cancellation).ConfigureAwait(false);
        return answer.Signal == MoveSignals.Tracking
            ? TrackedGuest.From(answer, _slot.Memory.GuestRamBytes)
            : throw new MigrationException($"guest memory cannot be saved while the guest runs: {answer.Text}");
    }

    private async Task<(SnapshotReply Reply, SavedDevice Saved)> CopyAsync(TrackedGuest? tracked, CancellationToken cancellation)
    {
        ChannelMemory copy = ChannelMemory.Create(_slot.Memory.GuestRamBytes, _slot.Memory.ControlBytes);
        try
        {
            await HostThreads.OnWorker(guest.Worker, (_, _) => _slot.Device.StartDirtyLog()).ConfigureAwait(false);
            PageSet pages = Used();
            for (int round = 1; round <= RoundsMax && (round == 1 || pages.Bytes > LastRoundBytesMax); round++)
            {
                Copy(pages, copy);
                pages = await WrittenAsync(tracked, cancellation).ConfigureAwait(false);
            }
            return await FinishAsync(tracked, pages, copy, cancellation).ConfigureAwait(false);
        }
        finally
        {
            copy.Release();
        }
    }

    private PageSet Used()
    {
        var used = new PageSet(_slot.Memory.GuestRamBytes);
        used.AddUsed(_slot.Memory.GuestRamDescriptor);
        return used;
    }

    private async Task<PageSet> WrittenAsync(TrackedGuest? tracked, CancellationToken cancellation)
    {
        var pages = new PageSet(_slot.Memory.GuestRamBytes);
        if (tracked is not null)
            pages.Add((await AskAsync(guest.Move!, MoveSignals.Collect, cancellation).ConfigureAwait(false)).Content.Span);
        pages.Add(await HostThreads.OnWorker(guest.Worker, (_, _) => _slot.Device.TakeDirtyPages()).ConfigureAwait(false));
        return pages;
    }

    private async Task<(SnapshotReply Reply, SavedDevice Saved)> FinishAsync(
        TrackedGuest? tracked, PageSet pages, ChannelMemory copy, CancellationToken cancellation)
    {
        if (tracked is not null)
        {
            GuestAnswer held = await AskAsync(guest.Move!, MoveSignals.Hold, cancellation).ConfigureAwait(false);
            if (!held.Content.IsEmpty)
                throw new MigrationException(held.Text);
        }
        long begin = Stopwatch.GetTimestamp();
        byte[] state;
        DeviceReport report;
        try
        {
            if (tracked is not null)
                pages.Add(tracked.TakeLastWritten());
            (state, report) = await HostThreads.OnWorker(guest.Worker, (worker, nowNs) => SaveNow(worker, pages, copy, nowNs)).ConfigureAwait(false);
        }
        finally
        {
            if (tracked is not null)
                guest.Move!.Say(MoveSignals.Release);
        }
        double frozenMs = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
        var reply = new SnapshotReply
        {
            Identity = guest.Identity,
            SnapshotId = Guid.NewGuid(),
            Epoch = guest.Epoch,
            GuestRamBytes = copy.GuestRamBytes,
            ControlBytes = copy.ControlBytes,
            DeviceStateBytes = state.Length,
            FrozenMs = frozenMs,
            Report = report,
        };
        return (reply, Wrap(copy, state));
    }

    /// <summary>On the worker's thread, between two turns: nothing of the device moves meanwhile.</summary>
    private (byte[] State, DeviceReport Report) SaveNow(Worker worker, PageSet pages, ChannelMemory copy, long nowNs)
    {
        DeviceReport report = DeviceReports.Describe(guest);
        byte[] state = worker.Save(_slot, nowNs);
        pages.Add(_slot.Device.TakeLastDirtyPages());
        Copy(pages, copy);
        CopyControl(copy);
        if (stops)
            Frozen = FrozenDevice.Halt(worker, _slot, state);
        return (state, report);
    }

    private unsafe void Copy(PageSet pages, ChannelMemory copy)
    {
        foreach ((long first, int count) in pages.Runs(PagesPerRun))
        {
            long offset = first * SharedMemory.PageBytes;
            long bytes = count * (long)SharedMemory.PageBytes;
            Buffer.MemoryCopy(_slot.Memory.GuestRam + offset, copy.GuestRam + offset, bytes, bytes);
        }
    }

    private unsafe void CopyControl(ChannelMemory copy) =>
        Buffer.MemoryCopy(_slot.Memory.Control, copy.Control, copy.ControlBytes, copy.ControlBytes);

    private static SavedDevice Wrap(ChannelMemory copy, byte[] state)
    {
        SavedDevice saved = SavedDevice.Wrap(copy, state.Length);
        state.CopyTo(saved.State);
        return saved;
    }

    private static async Task<GuestAnswer> AskAsync(GuestConversation conversation, byte signal, CancellationToken cancellation)
    {
        GuestAnswer answer = await conversation.AskAsync(signal, default, cancellation).ConfigureAwait(false);
        return answer.IsGone ? throw new MigrationException("the device's guest ended") : answer;
    }
}
