using RoceEngine.Rsockets;
using RoceEngine.Verbs;

namespace RoceEngine.Librdmacm.Rsockets;

/// <summary>Zeroed guest RAM with its region.</summary>
internal sealed unsafe class RegisteredMemory : IDisposable
{
    private readonly GuestMemory _memory;
    private readonly MemoryRegion _region;

    /// <exception cref="VerbsException">ENOMEM: no room in guest RAM, or no region left.</exception>
    public RegisteredMemory(ProtectionDomain domain, int bytes, AccessFlags access)
    {
        _memory = domain.Context.AllocateMemory(bytes);
        try
        {
            _memory.Span.Clear();
            _region = domain.RegisterMemory(_memory, access);
        }
        catch
        {
            _memory.Dispose();
            throw;
        }

        Memory = new NativeSpanMemory(_memory.Pointer, bytes).Memory;
    }

    public Memory<byte> Memory { get; }

    /// <summary>How a peer names it.</summary>
    public RemoteBuffer Name => new(_region.Address, _region.RemoteKey, (uint)_memory.Length);

    /// <summary>A part, as a work request names it.</summary>
    public ScatterGatherEntry Entry(int offset, int bytes) => new(_region.Address + (uint)offset, (uint)bytes, _region.LocalKey);

    public void Dispose()
    {
        _region.Dispose();
        _memory.Dispose();
    }
}
