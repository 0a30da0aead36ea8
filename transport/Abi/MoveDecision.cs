namespace RoceEngine.Abi;

/// <summary>
/// Where a device is that moves: one word in the control region, which its guest and both daemons share. Whoever changes it from open decides, and
/// everybody reads the same, whatever became of the others and of the connections between them.
/// <code>
///   63                                    2  1  0
///  ┌─────────────────────────────────────┬──────┐
///  │ number of the attempt               │ what │   0 open, 1 taken, 2 withdrawn
///  └─────────────────────────────────────┴──────┘
/// </code>
/// A daemon that takes a device lets it run; one that withdraws it has it back. A latecomer of an earlier attempt changes nothing.
/// </summary>
/// <remarks>The guest can write here what it likes: it may lose its device thereby, and harms nobody else.</remarks>
public readonly unsafe struct MoveDecision
{
    private const int WhatBits = 2;
    private const ulong Taken = 1;
    private const ulong Withdrawn = 2;

    private readonly ulong* _word;

    private MoveDecision(ulong* word, ulong attempt)
    {
        _word = word;
        Attempt = attempt;
    }

    /// <summary>Tells attempts apart, for those who are told of this one.</summary>
    public ulong Attempt { get; }

    /// <summary>The daemon there has the device, or had it.</summary>
    public bool IsTaken => Volatile.Read(ref *_word) == Value(Taken);

    /// <summary>The daemon here begins an attempt; all before it are over.</summary>
    public static MoveDecision Open(byte* controlRegion)
    {
        ulong* word = WordOf(controlRegion);
        var decision = new MoveDecision(word, unchecked(Volatile.Read(ref *word) + (1ul << WhatBits)) >> WhatBits);
        Interlocked.Exchange(ref *word, decision.Value(0));
        return decision;
    }

    /// <summary>An attempt that the daemon here has begun, for the guest and the daemon there.</summary>
    public static MoveDecision Of(byte* controlRegion, ulong attempt) => new(WordOf(controlRegion), attempt);

    /// <summary>The daemon there takes the device, which is its from then on; false when it was withdrawn, or another attempt began.</summary>
    public bool TryTake() => Interlocked.CompareExchange(ref *_word, Value(Taken), Value(0)) == Value(0);

    /// <summary>Nobody takes the device any more. False when it was taken.</summary>
    public bool TryWithdraw()
    {
        ulong before = Interlocked.CompareExchange(ref *_word, Value(Withdrawn), Value(0));
        return before != Value(Taken);
    }

    private ulong Value(ulong what) => (Attempt << WhatBits) | what;

    private static ulong* WordOf(byte* controlRegion) => &((DeviceControlPage*)(controlRegion + ControlRegion.DevicePage))->MoveDecision;
}
