using RoceEngine.Simulation.Checking;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <summary>A send work request that was posted, with all that its end must show.</summary>
internal sealed class PostedSend
{
    public required ulong Id { get; init; }

    public required Operation Operation { get; init; }

    public required SendOpcode Opcode { get; init; }

    public required bool IsSignaled { get; init; }

    public required long PostedNs { get; init; }

    public int Bytes { get; init; }

    /// <summary>Offset in the sender's source, or for a READ of it in the peer's.</summary>
    public int SourceOffset { get; init; }

    /// <summary>The source that a READ of the peer's source reads.</summary>
    public SourceMemory? Source { get; init; }

    /// <summary>Offset in the peer's target: WRITE, ATOMIC WRITE, FLUSH, and READ of the target.</summary>
    public int TargetOffset { get; init; }

    /// <summary>Offset in the own landing: READs and atomics.</summary>
    public int LandingOffset { get; init; }

    /// <summary>What a READ of the target must bring.</summary>
    public byte[]? Expected { get; init; }

    /// <summary>What an atomic on the own word must bring.</summary>
    public ulong ExpectedWord { get; set; }

    /// <summary>The word of an atomic on a shared counter.</summary>
    public int Counter { get; init; }

    public ulong Addend { get; init; }

    /// <summary>Masked atomics: which bits are compared, or the highest bits of the fields.</summary>
    public ulong CompareMaskOrBoundary { get; init; }

    /// <summary>Masked compare and swap: which bits are replaced.</summary>
    public ulong SwapMask { get; init; }

    /// <summary>FLUSH: bytes of the peer's target; negative for all of it.</summary>
    public int FlushBytes { get; init; }

    /// <summary>Where that word is.</summary>
    public SharedCounters? Counters { get; init; }

    /// <summary>What the peer must receive.</summary>
    public ExpectedMessage? Message { get; init; }

    /// <summary>How it must end: it breaks a rule unless this is success.</summary>
    public CompletionStatus Doom { get; init; }

    /// <summary>The key of the peer's memory window that it goes through or closes; 0 for none.</summary>
    public uint WindowKey { get; init; }

    public bool LandsHere => Operations.Lands(Operation);

    /// <summary>True when it holds a piece of the landing.</summary>
    public bool OwnsLanding => LandsHere && Doom == CompletionStatus.Success;

    public bool WritesTarget => Opcode is SendOpcode.Write or SendOpcode.WriteWithImmediate or SendOpcode.AtomicWrite;

    /// <summary>True when it needs the registration of the peer's target.</summary>
    public bool UsesTarget =>
        Operation == Operation.Flush || ((WritesTarget || Operation == Operation.ReadTarget || Operations.ChangesWord(Operation)) && Bytes > 0);
}

/// <summary>A message that takes a receive: what must come out of it.</summary>
internal sealed class ExpectedMessage
{
    public required SendOpcode Opcode { get; init; }

    public required int Bytes { get; init; }

    /// <summary>Where it was sent from.</summary>
    public required SourceMemory Source { get; init; }

    /// <summary>Offset in the sender's source.</summary>
    public required int SourceOffset { get; init; }

    /// <summary>Immediate data, or the key that it invalidates.</summary>
    public required uint Immediate { get; init; }

    /// <summary>Where a WRITE with immediate went.</summary>
    public int TargetOffset { get; init; }

    /// <summary>The sender's number of the request.</summary>
    public ulong Id { get; init; }

    public required CompletionStatus Doom { get; init; }

    /// <summary>The sender was told that it arrived.</summary>
    public bool IsAcknowledged { get; set; }
}
