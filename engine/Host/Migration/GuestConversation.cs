using System.Threading.Channels;
using RoceEngine.Channel;

namespace RoceEngine.Host.Migration;

/// <summary>What a guest said about the move of its device.</summary>
/// <param name="Signal">One of <see cref="MoveSignals"/>; 0 when the guest is gone.</param>
/// <param name="Content">What follows the signal.</param>
internal readonly record struct GuestAnswer(byte Signal, ReadOnlyMemory<byte> Content)
{
    public bool IsGone => Signal == 0;

    public string Text => System.Text.Encoding.UTF8.GetString(Content.Span);
}

/// <summary>
/// The talk with a guest whose device is copied or moves. The conductor hands over what the guest says; a migration, on a thread of the pool, waits
/// for it and has the conductor say things.
/// </summary>
internal sealed class GuestConversation(ControlClient client, Action<Action> post)
{
    private readonly Channel<GuestAnswer> _answers = System.Threading.Channels.Channel.CreateUnbounded<GuestAnswer>();
    private bool _hasEnded;

    /// <summary>The conductor: a message of the guest.</summary>
    public void OnSaid(ReadOnlySpan<byte> message)
    {
        if (!message.IsEmpty)
            _answers.Writer.TryWrite(new GuestAnswer(message[0], message[1..].ToArray()));
    }

    /// <summary>The conductor: the guest's end of the connection is gone.</summary>
    public void OnEnded()
    {
        if (_hasEnded)
            return;
        _hasEnded = true;
        _answers.Writer.TryWrite(default);
    }

    /// <summary>Says something to the guest.</summary>
    public void Say(byte signal, ReadOnlyMemory<byte> content = default) => post(() =>
    {
        if (!client.IsBroken)
            client.SendFrame([signal, .. content.Span]);
    });

    /// <summary>The guest's next answer. A guest that does not answer is waited for: it alone decides where its device is.</summary>
    public ValueTask<GuestAnswer> HearAsync(CancellationToken cancellation) => _answers.Reader.ReadAsync(cancellation);
}
