using System.Diagnostics;
using System.Text.Json;
using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.HostStream;

namespace RoceEngine.Host.Migration;

/// <summary>
/// Moves a device to another daemon: offers it, has its guest show itself there, copies memory while all goes on, stops, and sends the rest. Until the
/// daemon there has taken the device, which a word shared with it tells, any failure brings it back to life here. Runs on the thread pool.
/// </summary>
internal sealed partial class OutgoingMigration
{
    /// <summary>Dirty memory so small is sent while the device stands still.</summary>
    private const long LastRoundBytesMax = 1 << 20;

    /// <summary>
    /// How long the device may go on with what it has begun before it is stopped in the middle: enough for what is nearly done. What is not goes along,
    /// which takes less time than waiting for it.
    /// </summary>
    private static readonly TimeSpan QuiesceTimeMax = TimeSpan.FromMilliseconds(0.1);

    private readonly MigrationHost _host;
    private readonly AttachedGuest _guest;
    private readonly MigrateRequest _request;
    private readonly Action<MigrationProgress> _tell;
    private readonly GuestConversation _conversation;
    private readonly PhaseClock _clock = new();
    private MoveDecision _decision;
    private FrozenDevice? _frozen;
    private TrackedGuest? _tracked;
    private bool _mayDecide;
    private long _heardAt;

    public OutgoingMigration(MigrationHost host, AttachedGuest guest, MigrateRequest request, Action<MigrationProgress> tell)
    {
        _host = host;
        _guest = guest;
        _request = request;
        _tell = tell;
        _conversation = guest.Move!;
    }

    /// <summary>Past the point where the command may still call it off.</summary>
    public bool IsFinal => _frozen is not null || _mayDecide;

    /// <exception cref="MigrationException">It came to nothing, and the device runs here; or its guest ended.</exception>
    public async Task<MigrationReport> RunAsync(CancellationToken cancellation)
    {
        try
        {
            bool copies = _request.Memory != "share" && await TrackAsync(cancellation).ConfigureAwait(false);
            return await TryMoveAsync(copies, cancellation).ConfigureAwait(false);
        }
        catch (HostStreamException e)
        {
            throw new MigrationException(e.Message);
        }
        catch (JsonException)
        {
            throw new MigrationException("the daemon there makes no sense");
        }
        catch (OperationCanceledException)
        {
            throw new MigrationException("the migration was called off");
        }
        catch (GuestGoneException)
        {
            throw new MigrationException("the device's guest ended during the migration");
        }
        finally
        {
            _tracked?.Dispose();
        }
    }

    /// <summary>The guest takes note of what it writes; false when it cannot, and need not.</summary>
    private async Task<bool> TrackAsync(CancellationToken cancellation)
    {
        GuestAnswer answer = await AskAsync(MoveSignals.Track, default, cancellation, MoveSignals.Tracking, MoveSignals.CannotTrack).ConfigureAwait(false);
        if (answer.Signal == MoveSignals.Tracking)
            _tracked = TrackedGuest.From(answer, _guest.Slot.Memory.GuestRamBytes);
        else if (_request.Memory == "copy")
            throw new MigrationException($"guest memory cannot be copied while the guest runs: {answer.Text}");
        return _tracked is not null;
    }

    private async Task<MigrationReport> TryMoveAsync(bool copies, CancellationToken cancellation)
    {
        Tell("connect");
        HostConnection connection = await ConnectAsync(cancellation).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            var there = new HostConversation(connection);
            try
            {
                _decision = OpenDecision();
                MigrationAccepted accepted = await there.OfferAsync(Offer(copies), cancellation).ConfigureAwait(false);
                if (accepted.AddsAddress && _host.Addresses.WhyItStays(_guest.Address) is { } problem)
                    throw new MigrationException($"{_guest.Address} cannot leave this host: {problem}");
                _clock.End("connect");
                await PrepareAsync(there, accepted, copies, cancellation).ConfigureAwait(false);
                _clock.End("prepare");
                return await MoveAsync(connection, there, accepted, copies, cancellation).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not GuestGoneException)
            {
                await ComeBackAsync(connection).ConfigureAwait(false);
                throw;
            }
        }
    }

    private async Task<HostConnection> ConnectAsync(CancellationToken cancellation)
    {
        try
        {
            return await HostConnection.ConnectAsync(_request.Host, _request.Port, _host.StreamOptions(_request.IsInsecure), cancellation).ConfigureAwait(false);
        }
        catch
        {
            _conversation.Say(MoveSignals.Stay);
            throw;
        }
    }

    private async Task<MigrationReport> MoveAsync(
        HostConnection connection, HostConversation there, MigrationAccepted accepted, bool copies, CancellationToken cancellation)
    {
        var sender = new MemorySender(connection, _guest.Slot.Memory, _tell);
        PageSet last = new(0);
        if (copies)
        {
            last = await CopyWhileRunningAsync(there, sender, cancellation).ConfigureAwait(false);
            _clock.End("copy");
            await FreezeGuestAsync(there, cancellation).ConfigureAwait(false);
            _clock.End("hold");
        }

        Tell("freeze");
        Urgency.Begin();
        await QuiesceAsync().ConfigureAwait(false);
        _clock.End("quiesce");
        if (!copies)
            cancellation.ThrowIfCancellationRequested();
        long frozenAt = Stopwatch.GetTimestamp();
        _frozen = await FrozenDevice.FreezeAsync(_guest).ConfigureAwait(false);
        connection.SetIdleTimeout(TimeSpan.FromMilliseconds(Math.Clamp(_request.PatienceMs, 1, MigrateRequest.PatienceMsMax)));
        _frozen.LetAddressGo(_host, accepted.AddsAddress);
        _clock.End("freeze");

        // From here on the command cannot call it off: all that is left takes less time than the decision.
        if (copies)
            await SendLastRoundAsync(there, sender, last).ConfigureAwait(false);
        await there.SendStateAsync(_frozen.State).ConfigureAwait(false);
        _clock.End("transfer");

        // What is left to do here is to hear what came of it: whoever waits for the device needs the cores.
        Urgency.End();

        Tell("resume");
        await (copies ? LetGuestGoAsync(there) : LetGoAsync(there)).ConfigureAwait(false);
        double blackoutMs = Stopwatch.GetElapsedTime(frozenAt, _heardAt).TotalMilliseconds;
        _clock.End("switch");
        return Report(connection, accepted, copies, sender, blackoutMs);
    }

    private MigrationOffer Offer(bool copies) => new()
    {
        Device = _guest.Name,
        Address = _guest.Address.ToString(),
        Identity = _guest.Identity,
        Epoch = _guest.Epoch + 1,
        GuestRamBytes = _guest.Slot.Memory.GuestRamBytes,
        ControlBytes = _guest.Slot.Memory.ControlBytes,
        Attempt = _decision.Attempt,
        CopiesMemory = copies,
        PatienceMs = _request.PatienceMs,
        StateVersion = VrdmaDevice.StateVersion,
    };

    private async Task PrepareAsync(HostConversation there, MigrationAccepted accepted, bool copies, CancellationToken cancellation)
    {
        Tell("prepare");
        var order = new MoveOrder { SocketPath = accepted.SocketPath, Token = accepted.Token, Attempt = _decision.Attempt, CopiesMemory = copies };
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(order, ChannelJson.Default.MoveOrder);
        GuestAnswer answer = await AskAsync(MoveSignals.Prepare, json, cancellation, MoveSignals.Prepared).ConfigureAwait(false);
        if (!answer.Content.IsEmpty)
            throw new MigrationException($"the guest cannot go there: {answer.Text}");
        _ = await there.ExpectAsync(MigrationFrame.Claimed, cancellation).ConfigureAwait(false);
    }

    /// <summary>Rounds until little is left, or no less than before. Returns what is left.</summary>
    private async Task<PageSet> CopyWhileRunningAsync(HostConversation there, MemorySender sender, CancellationToken cancellation)
    {
        DeviceSlot slot = _guest.Slot;
        await HostThreads.OnWorker(_guest.Worker, (_, _) => slot.Device.StartDirtyLog()).ConfigureAwait(false);
        PageSet pages = sender.Used();
        for (int round = 1; ; round++)
        {
            await sender.SendRoundAsync(pages, cancellation).ConfigureAwait(false);
            _ = await there.ExpectAsync(MigrationFrame.RoundTaken, cancellation).ConfigureAwait(false);
            long bytesBefore = pages.Bytes;
            pages = new PageSet(slot.Memory.GuestRamBytes);
            pages.Add((await AskAsync(MoveSignals.Collect, default, cancellation, MoveSignals.Dirty).ConfigureAwait(false)).Content.Span);
            pages.Add(await HostThreads.OnWorker(_guest.Worker, (_, _) => slot.Device.TakeDirtyPages()).ConfigureAwait(false));
            bool isStuck = round > 1 && pages.Bytes > bytesBefore * 3 / 4;
            if (pages.Bytes <= LastRoundBytesMax || isStuck || round >= _request.RoundsMax)
                return pages;
        }
    }

    /// <summary>Nothing new is begun, and peers are told; then a moment for what is under way.</summary>
    private async Task QuiesceAsync()
    {
        DeviceSlot slot = _guest.Slot;
        await HostThreads.OnWorker(_guest.Worker, (_, _) => slot.Device.Quiesce()).ConfigureAwait(false);
        long begin = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begin) < QuiesceTimeMax
            && !await HostThreads.OnWorker(_guest.Worker, (_, _) => slot.Device.IsQuiet).ConfigureAwait(false))
        {
            // Each look is a turn of the worker later.
        }
    }

    /// <summary>From here to its word, the guest may withdraw the device.</summary>
    private async Task FreezeGuestAsync(HostConversation there, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        _mayDecide = true;
        _conversation.Say(MoveSignals.Freeze);
        using var stop = new CancellationTokenSource();
        Task<GuestAnswer> refusal = HearAsync(stop.Token, MoveSignals.Stays);
        Task<HostFrame> frozen = there.ExpectAsync(MigrationFrame.GuestFrozen);
        if (await Task.WhenAny(refusal, frozen).ConfigureAwait(false) == refusal)
        {
            _mayDecide = false;
            throw new MigrationException((await refusal.ConfigureAwait(false)).Text);
        }
        await stop.CancelAsync().ConfigureAwait(false);
        try
        {
            GuestAnswer answer = await refusal.ConfigureAwait(false);
            _mayDecide = false;
            throw new MigrationException(answer.Text);
        }
        catch (OperationCanceledException)
        {
            // It said nothing, as it should.
        }
        _ = await frozen.ConfigureAwait(false);
    }

    private async Task SendLastRoundAsync(HostConversation there, MemorySender sender, PageSet last)
    {
        last.Add(_frozen!.DirtyPages);
        last.Add(_tracked!.TakeLastWritten());
        await sender.SendRoundAsync(last, CancellationToken.None, there.AskForSignOfLifeAsync).ConfigureAwait(false);
        await there.HearEndOfRoundAsync().ConfigureAwait(false);
    }

    private unsafe MoveDecision OpenDecision() => MoveDecision.Open(_guest.Slot.Memory.Control);

    private async Task<GuestAnswer> AskAsync(byte signal, ReadOnlyMemory<byte> content, CancellationToken cancellation, params byte[] signals) =>
        await JudgeAsync(await _conversation.AskAsync(signal, content, cancellation).ConfigureAwait(false), signals).ConfigureAwait(false);

    private async Task<GuestAnswer> HearAsync(CancellationToken cancellation, params byte[] signals) =>
        await JudgeAsync(await _conversation.HearAsync(cancellation).ConfigureAwait(false), signals).ConfigureAwait(false);

    private async Task<GuestAnswer> JudgeAsync(GuestAnswer answer, byte[] signals)
    {
        if (answer.IsGone)
        {
            await _host.Threads.OnConductor(() => _host.Guests.Lose(_guest)).ConfigureAwait(false);
            throw new GuestGoneException();
        }
        return signals.Contains(answer.Signal) ? answer : throw new MigrationException("the guest does not understand what it is asked");
    }

    private MigrationReport Report(HostConnection connection, MigrationAccepted accepted, bool copies, MemorySender sender, double blackoutMs) => new()
    {
        Device = _guest.Name,
        NameThere = accepted.Name,
        Address = _guest.Address.ToString(),
        Host = $"{_request.Host}:{_request.Port}",
        Peer = connection.PeerName,
        Memory = copies ? "copy" : "share",
        QueuePairs = _frozen!.QueuePairs,
        GuestRamBytes = _frozen.GuestRamBytes,
        BytesSent = connection.BytesSent,
        DeviceStateBytes = _frozen.State.Length,
        Rounds = sender.Rounds,
        BlackoutMs = blackoutMs,
        LatePackets = _frozen.LatePackets,
        Phases = _clock.Phases,
        TotalMs = _clock.TotalMs,
    };

    private void Tell(string phase) => _tell(new MigrationProgress { Phase = phase });

    private sealed class GuestGoneException : Exception;
}
