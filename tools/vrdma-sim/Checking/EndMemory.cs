using System.Buffers.Binary;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Checking;

/// <summary>
/// The memory of one end of a connection, each part registered by itself to the byte, with guards around:
/// <code>
///  guard | word for atomics (8) + target of the peer's WRITEs | guard | landing of READs and atomics | guard | receive buffers | guard
/// </code>
/// </summary>
internal sealed class EndMemory : IDisposable
{
    private const int GuardBytes = 64;
    private const int WordBytes = sizeof(ulong);
    private const AccessFlags All = AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic
        | AccessFlags.WindowBind | AccessFlags.FlushGlobal;

    private readonly GuestMemory _memory;
    private readonly int _targetBytes;
    private readonly int _targetStart;
    private readonly int _landingStart;
    private readonly int _receiveStart;
    private readonly int _end;

    public EndMemory(RdmaContext context, ProtectionDomain domain, int targetBytes, int landingBytes, int receiveBytes)
    {
        _targetBytes = targetBytes;
        _targetStart = GuardBytes;
        _landingStart = _targetStart + WordBytes + targetBytes + GuardBytes;
        _receiveStart = _landingStart + landingBytes + GuardBytes;
        _end = _receiveStart + receiveBytes;
        _memory = context.AllocateMemory(_end + GuardBytes);
        _memory.Span.Fill(Pattern.Guard);
        _memory.AsSpan(_targetStart, WordBytes).Clear();
        _memory.AsSpan(_targetStart + WordBytes, targetBytes).Fill(Pattern.Blank);
        _memory.AsSpan(_landingStart, landingBytes).Fill(Pattern.Blank);
        _memory.AsSpan(_receiveStart, receiveBytes).Fill(Pattern.Blank);
        Target = domain.RegisterMemory(_memory, _targetStart, WordBytes + targetBytes, All);
        Landing = domain.RegisterMemory(_memory, _landingStart, landingBytes, AccessFlags.LocalWrite);
        Receives = domain.RegisterMemory(_memory, _receiveStart, receiveBytes, AccessFlags.LocalWrite);
        Model = new TargetModel(targetBytes);
    }

    /// <summary>What the peer's WRITEs and atomics go to.</summary>
    public MemoryRegion Target { get; }

    public MemoryRegion Landing { get; }

    public MemoryRegion Receives { get; }

    /// <summary>What the target must hold.</summary>
    public TargetModel Model { get; }

    /// <summary>What the word must hold.</summary>
    public AtomicModel Word { get; } = new();

    /// <summary>True once the registration of the target was taken away.</summary>
    public bool IsRevoked { get; private set; }

    /// <summary>The target, for a fast registration.</summary>
    public FastRegistration TargetRegistration(AccessFlags access) =>
        new() { Memory = _memory, Offset = _targetStart, Bytes = WordBytes + _targetBytes, Access = access };

    /// <summary>Remote address of a byte of the target.</summary>
    public ulong TargetAddress(int offset) => Target.Address + WordBytes + (ulong)offset;

    /// <summary>Remote address of the word.</summary>
    public ulong WordAddress => Target.Address;

    public Span<byte> TargetBytes(int offset, int bytes) => _memory.AsSpan(_targetStart + WordBytes + offset, bytes);

    public Span<byte> LandingBytes(int offset, int bytes) => _memory.AsSpan(_landingStart + offset, bytes);

    public Span<byte> ReceiveBytes(int offset, int bytes) => _memory.AsSpan(_receiveStart + offset, bytes);

    /// <summary>Takes the registration of the target away; both keys die.</summary>
    public void Revoke()
    {
        IsRevoked = true;
        Target.Dispose();
    }

    /// <summary>Guards, and the target as far as it is known. Only when nothing of the peer is under way.</summary>
    /// <param name="owner">For the message.</param>
    /// <param name="uncertainAtomics">Atomics at the end that may or may not have happened.</param>
    /// <param name="interference">A defect put in on purpose; null for none.</param>
    public void Verify(string owner, int uncertainAtomics, Interference? interference)
    {
        interference?.OnCompare(_memory.AsSpan(0, _end + GuardBytes));
        CheckGuard(owner, 0, "before the target");
        CheckGuard(owner, _landingStart - GuardBytes, "after the target");
        CheckGuard(owner, _receiveStart - GuardBytes, "after the landing");
        CheckGuard(owner, _end, "after the receives");
        int difference = Model.FindDifference(_memory.AsSpan(_targetStart + WordBytes, _targetBytes));
        SimulationFailure.Unless(
            difference < 0, () => $"{owner}: byte {difference} of the peer's WRITE target is not what was written there last");
        ulong word = BinaryPrimitives.ReadUInt64LittleEndian(_memory.AsSpan(_targetStart, WordBytes));
        SimulationFailure.Unless(
            Word.Allows(word, uncertainAtomics), () => $"{owner}: the word for atomics holds {word:x}, a sequential model says {Word.Value:x}");
    }

    public void Dispose()
    {
        if (!IsRevoked)
            Target.Dispose();
        Landing.Dispose();
        Receives.Dispose();
        _memory.Dispose();
    }

    private void CheckGuard(string owner, int offset, string where) => SimulationFailure.Unless(
        !_memory.AsSpan(offset, GuardBytes).ContainsAnyExcept(Pattern.Guard), () => $"{owner}: bytes {where} were written, which nobody registered");
}
