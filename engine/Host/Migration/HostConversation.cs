using System.Text;
using System.Text.Json;
using RoceEngine.HostStream;

namespace RoceEngine.Host.Migration;

/// <summary>The talk with the daemon that a device goes to. The counterpart of <see cref="GuestConversation"/>.</summary>
internal sealed class HostConversation(HostConnection connection)
{
    private const int StateBytesPerFrame = 1 << 20;

    /// <summary>How long a last word is waited for when nothing depends on it but what is said to people.</summary>
    private static readonly TimeSpan LastWordTimeout = TimeSpan.FromSeconds(1);

    private int _unanswered;

    /// <summary>Says what is to come, and hears under which conditions it may.</summary>
    /// <exception cref="MigrationException">It may not.</exception>
    public async Task<MigrationAccepted> OfferAsync(MigrationOffer offer, CancellationToken cancellation)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(offer, MigrationJson.Default.MigrationOffer);
        await connection.SendAsync((ushort)MigrationFrame.Offer, json, cancellation).ConfigureAwait(false);
        HostFrame frame = await ExpectAsync(MigrationFrame.Accepted, cancellation).ConfigureAwait(false);
        return JsonSerializer.Deserialize(frame.Payload.Span, MigrationJson.Default.MigrationAccepted)
            ?? throw new MigrationException("the daemon there accepted nothing");
    }

    /// <summary>Waits for this frame.</summary>
    /// <exception cref="MigrationException">The daemon there refuses, with its reason, or says something else.</exception>
    public async Task<HostFrame> ExpectAsync(MigrationFrame type, CancellationToken cancellation = default)
    {
        HostFrame frame = await connection.ReceiveAsync(cancellation).ConfigureAwait(false);
        if (frame.Type == (ushort)MigrationFrame.Refused)
            throw new MigrationException(Encoding.UTF8.GetString(frame.Payload.Span));
        return frame.Type == (ushort)type ? frame : throw new MigrationException($"the daemon there said {frame.Type} instead of {type}");
    }

    /// <summary>
    /// While everything stands still, the daemon there answers at every piece: however long all of it takes on a slow network, silence is noticed. One
    /// answer may be under way.
    /// </summary>
    public async Task AskForSignOfLifeAsync()
    {
        await connection.SendAsync((ushort)MigrationFrame.RoundEnd, default).ConfigureAwait(false);
        _unanswered++;
        await HearSignsOfLifeAsync(left: 1).ConfigureAwait(false);
    }

    /// <summary>Hears all answers that are under way, and the one to the end of a round.</summary>
    public async Task HearEndOfRoundAsync()
    {
        await HearSignsOfLifeAsync(left: 0).ConfigureAwait(false);
        _ = await ExpectAsync(MigrationFrame.RoundTaken).ConfigureAwait(false);
    }

    /// <summary>Sends the state of the device. After its end, whether it came there is for others to say: no failure of that is thrown.</summary>
    public async Task SendStateAsync(ReadOnlyMemory<byte> state)
    {
        for (int at = 0; at < state.Length; at += StateBytesPerFrame)
        {
            ReadOnlyMemory<byte> part = state.Slice(at, Math.Min(StateBytesPerFrame, state.Length - at));
            await connection.SendAsync((ushort)MigrationFrame.State, part).ConfigureAwait(false);
            if (at + StateBytesPerFrame < state.Length)
                await AskForSignOfLifeAsync().ConfigureAwait(false);
        }
        await HearSignsOfLifeAsync(left: 0).ConfigureAwait(false);
        try
        {
            await connection.SendAsync((ushort)MigrationFrame.StateEnd, BitConverter.GetBytes((long)state.Length)).ConfigureAwait(false);
        }
        catch (HostStreamException)
        {
            // It may have come there nevertheless: whoever is asked next tells.
            connection.Abort();
        }
    }

    /// <summary>The daemon there says that the device runs. Not to hear it in time means that it does not, or that nobody here can tell.</summary>
    public async Task<bool> RunsThereAsync() => await HearLastWordAsync().ConfigureAwait(false) is { Type: (ushort)MigrationFrame.Running };

    /// <summary>What the daemon there says to explain itself, where it says something.</summary>
    public async Task<string?> RefusalAsync() =>
        await HearLastWordAsync().ConfigureAwait(false) is { Type: (ushort)MigrationFrame.Refused } refusal ? Encoding.UTF8.GetString(refusal.Payload.Span) : null;

    private async Task HearSignsOfLifeAsync(int left)
    {
        for (; _unanswered > left; _unanswered--)
            _ = await ExpectAsync(MigrationFrame.RoundTaken).ConfigureAwait(false);
    }

    private async Task<HostFrame?> HearLastWordAsync()
    {
        using var patience = new CancellationTokenSource(LastWordTimeout);
        try
        {
            return await connection.ReceiveAsync(patience.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HostStreamException or OperationCanceledException)
        {
            return null;
        }
    }
}
