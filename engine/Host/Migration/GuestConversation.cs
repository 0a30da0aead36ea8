using System.Diagnostics;
using System.Threading.Channels;
using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Host.Migration;

/// <summary>What a guest said about the move of its device.</summary>
/// <param name="Signal">One of <see cref="MoveSignals"/>; 0 when the guest is gone.</param>
/// <param name="Content">What follows the signal.</param>
/// <param name="Descriptor">That came along, for whoever hears the answer to close; -1 for none.</param>
internal readonly record struct GuestAnswer(byte Signal, ReadOnlyMemory<byte> Content, int Descriptor)
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
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Channel<GuestAnswer> _answers = System.Threading.Channels.Channel.CreateUnbounded<GuestAnswer>();
    private readonly int _answersOwedBefore = client.AnswersOwed;
    private int _answersHeard;
    private bool _hasEnded;

    /// <summary>The conductor: a message of the guest, and the descriptors that came so far. One belongs to <see cref="MoveSignals.Tracking"/>, none to others.</summary>
    public void OnSaid(ReadOnlySpan<byte> message, int[] descriptors)
    {
        int kept = descriptors.Length == 1 && !message.IsEmpty && message[0] == MoveSignals.Tracking ? descriptors[0] : -1;
        bool isLate = !message.IsEmpty && client.TakeAnswer(message[0]) && ++_answersHeard <= _answersOwedBefore;
        if (kept < 0 || isLate)
            Array.ForEach(descriptors, descriptor => Events.Close(descriptor));
        if (!message.IsEmpty && !isLate)
            _answers.Writer.TryWrite(new GuestAnswer(message[0], message[1..].ToArray(), kept));
    }

    /// <summary>The conductor: the guest's end of the connection is gone.</summary>
    public void OnEnded()
    {
        if (_hasEnded)
            return;
        _hasEnded = true;
        _answers.Writer.TryWrite(new GuestAnswer(0, default, -1));
    }

    /// <summary>Says something to the guest.</summary>
    public void Say(byte signal, ReadOnlyMemory<byte> content = default) => post(() =>
    {
        if (client.IsBroken)
            return;
        client.NoteAsked(signal);
        client.SendFrame([signal, .. content.Span]);
    });

    /// <summary>Asks something that is answered at once, and hears the answer.</summary>
    /// <exception cref="MigrationException">The guest's process does not run; what it answers later is not heard by anybody.</exception>
    public async Task<GuestAnswer> AskAsync(byte signal, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        Say(signal, content);
        long begin = Stopwatch.GetTimestamp();
        while (true)
        {
            using var look = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            look.CancelAfter(LookInterval);
            try
            {
                return await HearAsync(look.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                if (Processes.IsStopped(client.Peer.ProcessId))
                    throw new MigrationException($"the guest's process {client.Peer.ProcessId} is stopped, by a signal or a debugger: it has to run for this");
                if (Stopwatch.GetElapsedTime(begin) > Patience)
                    throw new MigrationException($"the guest's process {client.Peer.ProcessId} does not answer");
            }
        }
    }

    /// <summary>The guest's next answer. A guest that does not answer is waited for: it alone decides where its device is.</summary>
    public ValueTask<GuestAnswer> HearAsync(CancellationToken cancellation) => _answers.Reader.ReadAsync(cancellation);
}
