using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <summary>Types of memory windows, with the values of <c>enum ibv_mw_type</c>. IBTA vol. 1, 10.6.7.2.</summary>
public enum MemoryWindowType
{
    /// <summary>Open to every QP of the protection domain; closed by a bind of zero bytes; the library counts its key on.</summary>
    Type1 = 1,

    /// <summary>
    /// Type 2B: open to the QP alone through which it was bound; closed by a local invalidate, a peer's SEND with invalidate, or the end of that
    /// QP; bound again only then.
    /// </summary>
    Type2 = 2,
}

/// <summary>What <see cref="QueuePair.PostBindWindow"/> opens. <c>struct ibv_mw_bind_info</c>.</summary>
public struct WindowBind
{
    /// <summary>The region below, registered with <see cref="AccessFlags.WindowBind"/>; null only to close a type-1 window.</summary>
    public MemoryRegion? Region;

    /// <summary>Guest virtual address of the first byte that the window opens.</summary>
    public ulong Address;

    /// <summary>Bytes; 0 closes a type-1 window.</summary>
    public ulong Length;

    /// <summary>What peers may do: RemoteRead, RemoteWrite, RemoteAtomic; writing and atomics only where the region has LocalWrite.</summary>
    public AccessFlags Access;

    /// <summary>Low 8 bits of the new key; one more than the last ones when null.</summary>
    public byte? Tag;
}

/// <summary>A memory window: a key of its own for a part of a region. <c>ibv_alloc_mw</c>, <c>ibv_dealloc_mw</c>, <c>struct ibv_mw</c>.</summary>
public sealed class MemoryWindow : IDisposable
{
    private readonly uint _handle;
    private readonly LedgerEntry _entry;
    private bool _disposed;

    internal MemoryWindow(ProtectionDomain domain, MemoryWindowType type)
    {
        ProtectionDomain = domain;
        Type = type;
        lock (domain.Context.Driver.CommandLock)
        {
            domain.ThrowIfClosed();
            DeviceDriver driver = domain.Context.Driver;
            _entry = driver.Ledger.Reserve();
            try
            {
                PvrdmaCreateMwResponse response = driver.Execute<PvrdmaCreateMw, PvrdmaCreateMwResponse>(
                    PvrdmaCommand.CreateMw, new PvrdmaCreateMw { PdHandle = domain.Handle, Type = (uint)type }, "ibv_alloc_mw");
                _handle = response.MwHandle;
                RemoteKey = response.RemoteKey;
            }
            catch
            {
                driver.Ledger.Remove(_entry);
                throw;
            }

            driver.Ledger.Write(_entry, GuestLedgerKind.MemoryWindow, _handle);
            domain.AddDependent();
        }
    }

    /// <summary>One that another process made.</summary>
    internal MemoryWindow(ProtectionDomain domain, in PvrdmaNextObjectResponse found, LedgerEntry entry)
    {
        ProtectionDomain = domain;
        Type = (MemoryWindowType)found.Type;
        RemoteKey = found.Number;
        _handle = found.Handle;
        _entry = entry;
        domain.AddDependent();
    }

    /// <summary>
    /// A number of the application's own; 0 at first. It is kept with the device: a process that takes it over (<see cref="RdmaContext.AttachRestored"/>)
    /// knows the window by it.
    /// </summary>
    public ulong Tag
    {
        get => _entry.Tag;
        set => ProtectionDomain.Context.Driver.Ledger.SetTag(_entry, value);
    }

    /// <summary>The protection domain.</summary>
    public ProtectionDomain ProtectionDomain { get; }

    /// <summary>How it is shared and closed.</summary>
    public MemoryWindowType Type { get; }

    /// <summary>Key to hand to the peer: that of the last bind posted. It opens nothing before the first bind.</summary>
    public uint RemoteKey { get; internal set; }

    /// <summary>Serialises the binds of this window, so that their keys go up in the order of the queue.</summary>
    internal Lock BindLock { get; } = new();

    internal bool IsDisposed => _disposed;

    /// <summary>The same key with the next tag: the low 8 bits go up by one, the others stay. <c>ibv_inc_rkey</c>.</summary>
    /// <param name="key">A key of a window or of a region for fast registration.</param>
    public static uint NextKey(uint key) => (key & ~0xFFu) | ((key + 1) & 0xFFu);

    /// <summary>Frees the window, bound or not: its key dies at once. <c>ibv_dealloc_mw</c>.</summary>
    public void Dispose()
    {
        RdmaContext context = ProtectionDomain.Context;
        lock (context.Driver.CommandLock)
        {
            if (_disposed || context.IsDisposed)
            {
                return;
            }

            context.DestroyInDevice(PvrdmaCommand.DestroyMw, _handle, "ibv_dealloc_mw");
            _disposed = true;
            context.Driver.Ledger.Remove(_entry);
            ProtectionDomain.RemoveDependent();
        }
    }
}
