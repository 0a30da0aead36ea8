using RoceEngine.Wire;

namespace RoceEngine.Simulation.World;

/// <summary>What an event of a world is about.</summary>
internal enum EventKind : byte
{
    Opened,
    Closed,
    Killed,
    Attached,
    Phase,
    Cut,
    Healed,
    Stalled,
    Posted,
    ReceivePosted,
    SendCompleted,
    ReceiveCompleted,
    AsyncEvent,
    Disrupted,
    Frozen,
    Moved,
    Saved,
    Packet,
    Finished,
}

/// <summary>One event: numbers only, so that logging it costs next to nothing. What they mean depends on the kind.</summary>
internal readonly record struct WorldEvent(long TimeNs, EventKind Kind, string Subject, ulong A, ulong B, ulong C)
{
    public override string ToString()
    {
        string what = Kind switch
        {
            EventKind.Opened => $"opened: QP {A:x6}, first PSN {B:x6}, peer's {C:x6}",
            EventKind.Posted => $"posted #{A}: {(Verbs.SendOpcode)(B & 0xFF)}{((B >> 8) != 0 ? "" : " unsignalled")}, {C} bytes",
            EventKind.ReceivePosted => $"posted receive #{A}",
            EventKind.SendCompleted => $"send #{A}: {(Verbs.CompletionStatus)B}, {C} bytes",
            EventKind.ReceiveCompleted => $"receive #{A}: {(Verbs.CompletionStatus)B}, {C} bytes",
            EventKind.AsyncEvent => $"event {(Verbs.AsyncEventType)A}",
            EventKind.Packet => $"packet {(Opcode)A} to QP {B >> 24:x6}, PSN {B & 0xFFFFFF:x6}, {C} bytes",
            _ => $"{Kind} {A} {B} {C}",
        };
        return FormattableString.Invariant($"{TimeNs / 1000.0,14:F3} us  {Subject,-18} {what}");
    }
}

/// <summary>
/// Everything that happened in a world, as a hash over all of it and the last events as text. Two runs of a seed are the same run when
/// their hashes are equal. Addresses in memory differ from run to run and are never logged.
/// </summary>
internal sealed class EventLog
{
    private const int KeptEvents = 60;

    private readonly Queue<WorldEvent> _last = new();
    private ulong _hash = 0xCBF2_9CE4_8422_2325;

    /// <summary>Gets every event as it happens; null for nobody.</summary>
    public Action<WorldEvent>? Listener { get; init; }

    /// <summary>Over all events so far.</summary>
    public ulong Hash => _hash;

    /// <summary>Number of events so far.</summary>
    public long Count { get; private set; }

    /// <summary>The last events, oldest first.</summary>
    public IReadOnlyCollection<WorldEvent> Last => _last;

    public void Add(long timeNs, EventKind kind, string subject, ulong a = 0, ulong b = 0, ulong c = 0)
    {
        Count++;
        Mix((ulong)timeNs);
        Mix((ulong)kind + (a << 8));
        Mix(b);
        Mix(c);
        foreach (char letter in subject)
            Mix(letter);
        var happened = new WorldEvent(timeNs, kind, subject, a, b, c);
        Listener?.Invoke(happened);
        if (_last.Count == KeptEvents)
            _last.Dequeue();
        _last.Enqueue(happened);
    }

    // FNV-1a over words, with a rotation so that high bits reach low ones.
    private void Mix(ulong word) => _hash = ulong.RotateLeft((_hash ^ word) * 0x0000_0100_0000_01B3, 23);
}
