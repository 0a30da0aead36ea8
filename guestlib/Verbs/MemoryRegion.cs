using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <summary>Registered memory. <c>ibv_reg_mr</c>, <c>ibv_dereg_mr</c>, <c>struct ibv_mr</c>.</summary>
public sealed partial class MemoryRegion : IDisposable
{
    private readonly uint _handle;
    private readonly LedgerEntry _entry;
    private GuestPages? _pages;
    private bool _disposed;

    internal MemoryRegion(ProtectionDomain domain, GuestMemory memory, long offset, long bytes, AccessFlags access, ulong address)
    {
        ProtectionDomain = domain;
        Memory = memory;
        Length = bytes;
        Access = access;
        lock (domain.Context.Driver.CommandLock)
        {
            domain.ThrowIfClosed();
            Ledger ledger = domain.Context.Driver.Ledger;
            _pages = memory.AddRegion(offset, bytes);
            Address = address;
            LedgerEntry? entry = null;
            try
            {
                entry = ledger.Reserve();
                PvrdmaCreateMrResponse response = domain.Context.Driver.Execute<PvrdmaCreateMr, PvrdmaCreateMrResponse>(
                    PvrdmaCommand.CreateMr,
                    new PvrdmaCreateMr
                    {
                        Start = Address,
                        Length = (ulong)bytes,
                        DirectoryAddress = _pages?.DirectoryAddress ?? (memory.Address + (ulong)offset),
                        PdHandle = domain.Handle,
                        Access = (uint)access,
                        PageCount = (uint)(_pages?.PageCount ?? 0),
                        Flags = _pages is null ? PvrdmaMrFlags.ProcessMemory : 0,
                    },
                    "ibv_reg_mr");
                _handle = response.MrHandle;
                LocalKey = response.LocalKey;
                RemoteKey = response.RemoteKey;
            }
            catch
            {
                ledger.Remove(entry);
                _pages?.Dispose();
                memory.RemoveRegion();
                throw;
            }

            _entry = entry;
            ledger.Write(entry, GuestLedgerKind.MemoryRegion, _handle);
            domain.AddDependent();
        }
    }

    /// <summary>One that another process made.</summary>
    internal MemoryRegion(ProtectionDomain domain, GuestMemory memory, in PvrdmaNextObjectResponse found, LedgerEntry entry)
    {
        ProtectionDomain = domain;
        Memory = memory;
        Address = found.Start;
        Length = (long)found.Length;
        Access = (AccessFlags)found.Access;
        LocalKey = found.Number;
        RemoteKey = found.Number;
        _handle = found.Handle;
        _entry = entry;
        memory.AddRegion();
        domain.AddDependent();
    }

    internal uint Handle => _handle;

    /// <summary>
    /// A number of the application's own; 0 at first. It is kept with the device: a process that takes it over (<see cref="RdmaContext.AttachRestored"/>)
    /// knows the region by it.
    /// </summary>
    public ulong Tag
    {
        get => _entry.Tag;
        set => ProtectionDomain.Context.Driver.Ledger.SetTag(_entry, value);
    }

    /// <summary>The protection domain.</summary>
    public ProtectionDomain ProtectionDomain { get; private set; }

    /// <summary>Key for scatter/gather entries of the own QPs in the same protection domain.</summary>
    public uint LocalKey { get; private set; }

    /// <summary>Key to hand to the peer.</summary>
    public uint RemoteKey { get; private set; }

    /// <summary>The address by which scatter/gather entries and peers name the first byte: its pointer, unless another was asked for.</summary>
    public ulong Address { get; private set; }

    /// <summary>Bytes.</summary>
    public long Length { get; private set; }

    /// <summary>The rights it was registered with.</summary>
    public AccessFlags Access { get; private set; }

    /// <summary>The memory that it covers.</summary>
    public GuestMemory Memory { get; private set; }

    /// <summary>A scatter/gather entry for all of it, or a part.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="bytes">Length in bytes; the rest of the region when omitted.</param>
    /// <exception cref="ArgumentOutOfRangeException">It leaves the region, or is longer than an entry can be (2^32-1).</exception>
    public ScatterGatherEntry Entry(long offset = 0, long? bytes = null)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)offset, (ulong)Length, nameof(offset));
        long length = bytes ?? (Length - offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)length, (ulong)Math.Min(Length - offset, uint.MaxValue), nameof(bytes));
        return new ScatterGatherEntry(Address + (ulong)offset, (uint)length, LocalKey);
    }

    /// <summary>Takes the registration away; both keys die at once. <c>ibv_dereg_mr</c>.</summary>
    /// <exception cref="VerbsException">EBUSY: a memory window is bound to it.</exception>
    public void Dispose()
    {
        RdmaContext context = ProtectionDomain.Context;
        lock (context.Driver.CommandLock)
        {
            if (_disposed || context.IsDisposed)
            {
                return;
            }

            context.DestroyInDevice(PvrdmaCommand.DestroyMr, _handle, "ibv_dereg_mr");
            _disposed = true;
            context.Driver.Ledger.Remove(_entry);
            _pages?.Dispose();
            Memory.RemoveRegion();
            ProtectionDomain.RemoveDependent();
        }
    }
}
