using System.Diagnostics;
using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.HostStream;

namespace RoceEngine.Host.Migration;

/// <content>The device is there, or here again: how the daemon that it leaves finds out which.</content>
internal sealed partial class OutgoingMigration
{
    /// <summary>A guest that has nothing to decide may take so long for its last word.</summary>
    private static readonly TimeSpan LastWordTimeout = TimeSpan.FromSeconds(1);

    /// <summary>The daemon there takes the device, or it is withdrawn. Whatever the network does meanwhile, the word that both can see tells which.</summary>
    private async Task LetGoAsync(HostConversation there)
    {
        try
        {
            _ = await there.ExpectAsync(MigrationFrame.Running).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MigrationException or HostStreamException)
        {
            if (_decision.TryWithdraw())
                throw;
        }
        _heardAt = Stopwatch.GetTimestamp();
        bool hasFollowed = await HasGuestFollowedAsync().ConfigureAwait(false);
        await ForgetAsync().ConfigureAwait(false);
        if (!hasFollowed)
            throw new GuestGoneException();
    }

    /// <summary>The device is there, and its guest goes after it at once; false when it ended first. Nothing but what is said to people depends on it.</summary>
    private async Task<bool> HasGuestFollowedAsync()
    {
        using var patience = new CancellationTokenSource(LastWordTimeout);
        try
        {
            GuestAnswer answer;
            do
                answer = await _conversation.HearAsync(patience.Token).ConfigureAwait(false);
            while (answer.Signal != MoveSignals.Gone && !answer.IsGone);
            return !answer.IsGone;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }

    /// <summary>The guest, which waits for the copy of its memory, goes there or says that it stays.</summary>
    private async Task LetGuestGoAsync(HostConversation there)
    {
        GuestAnswer answer;
        do
            answer = await _conversation.HearAsync(CancellationToken.None).ConfigureAwait(false);
        while (answer.Signal is not (MoveSignals.Gone or MoveSignals.Stays) && !answer.IsGone);
        _mayDecide = false;
        if (answer.Signal == MoveSignals.Stays)
            throw new MigrationException(await there.RefusalAsync().ConfigureAwait(false) ?? answer.Text);

        _heardAt = Stopwatch.GetTimestamp();

        // A guest that is gone without a word has gone there, or ended; either way it does not come back here.
        if (answer.IsGone && !await there.RunsThereAsync().ConfigureAwait(false))
        {
            await _host.Threads.OnConductor(() => _host.Guests.Lose(_guest)).ConfigureAwait(false);
            throw new GuestGoneException();
        }
        await ForgetAsync().ConfigureAwait(false);
    }

    /// <summary>The device is not here any more.</summary>
    private async Task ForgetAsync()
    {
        await _host.Threads.OnConductor(() => _host.Guests.Forget(_guest, $"it went to {_request.Host} port {_request.Port}")).ConfigureAwait(false);
        _frozen!.Dispose();
    }

    /// <summary>Whatever went wrong: the guest stays, and its device runs here. Unless the daemon there has it, which no failure changes.</summary>
    private async Task ComeBackAsync(HostConnection connection)
    {
        // The other side lets go of the address as soon as it notices.
        connection.Abort();
        if (_mayDecide)
            await HearThatItStaysAsync().ConfigureAwait(false);
        if (!_decision.TryWithdraw() && _frozen is not null)
        {
            await ForgetAsync().ConfigureAwait(false);
            return;
        }
        _conversation.Say(MoveSignals.Stay);
        if (_frozen is { } frozen)
        {
            Urgency.Begin();
            await frozen.ThawAsync(_host, _guest).ConfigureAwait(false);
            _frozen = null;
            return;
        }
        DeviceSlot slot = _guest.Slot;
        await HostThreads.OnWorker(_guest.Worker, (_, nowNs) => slot.GoOn(nowNs)).ConfigureAwait(false);
    }

    /// <summary>A frozen guest hears from the daemon there, or from the end of that connection, how it goes on; and what it needs for going there is not there.</summary>
    private async Task HearThatItStaysAsync()
    {
        GuestAnswer answer;
        do
            answer = await _conversation.HearAsync(CancellationToken.None).ConfigureAwait(false);
        while (answer.Signal is not (MoveSignals.Stays or MoveSignals.Gone) && !answer.IsGone);
        _mayDecide = false;
    }
}
