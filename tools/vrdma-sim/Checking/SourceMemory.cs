using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Checking;

/// <summary>What a guest sends from and lets peers READ: a part of the pattern that nobody may ever write, between guards.</summary>
internal sealed class SourceMemory : IDisposable
{
    private const int GuardBytes = 64;

    private readonly GuestMemory _memory;
    private readonly int _bytes;
    private readonly int _shift;

    public SourceMemory(RdmaContext context, ProtectionDomain domain, int bytes, int shift)
    {
        _bytes = bytes;
        _shift = shift;
        _memory = context.AllocateMemory(bytes + 2 * GuardBytes);
        _memory.Span.Fill(Pattern.Guard);
        Pattern.Slice(shift, bytes).CopyTo(_memory.AsSpan(GuardBytes, bytes));
        Region = domain.RegisterMemory(_memory, GuardBytes, bytes, AccessFlags.RemoteRead);
    }

    public MemoryRegion Region { get; }

    public int Bytes => _bytes;

    /// <summary>What stands at an offset, as it must be.</summary>
    public ReadOnlySpan<byte> Expected(int offset, int bytes) => Pattern.Slice(_shift + offset, bytes);

    public void Verify(string owner)
    {
        bool isIntact = _memory.AsSpan(GuardBytes, _bytes).SequenceEqual(Pattern.Slice(_shift, _bytes))
            && !_memory.AsSpan(0, GuardBytes).ContainsAnyExcept(Pattern.Guard)
            && !_memory.AsSpan(GuardBytes + _bytes, GuardBytes).ContainsAnyExcept(Pattern.Guard);
        SimulationFailure.Unless(isIntact, () => $"{owner}: memory that only others read was written");
    }

    public void Dispose()
    {
        Region.Dispose();
        _memory.Dispose();
    }
}
