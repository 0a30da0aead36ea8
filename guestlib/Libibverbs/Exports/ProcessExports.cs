using System.Runtime.InteropServices;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs.Exports;

/// <summary>Forking, sharing between processes, and what the libraries of other vendors' devices ask for.</summary>
internal static unsafe class ProcessExports
{
    /// <summary>IBV_FORK_UNNEEDED: nothing is pinned, so a child's copy on write harms nobody.</summary>
    private const int ForkUnneeded = 2;

    /// <summary><c>ibv_fork_init(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_fork_init")]
    public static int ForkInit() => 0;

    /// <summary><c>ibv_is_fork_initialized(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_is_fork_initialized")]
    public static int IsForkInitialized() => ForkUnneeded;

    [UnmanagedCallersOnly(EntryPoint = "ibv_dontfork_range")]
    public static int DontForkRange(void* address, nuint bytes) => 0;

    [UnmanagedCallersOnly(EntryPoint = "ibv_dofork_range")]
    public static int DoForkRange(void* address, nuint bytes) => 0;

    /// <summary><c>ibv_import_pd(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_import_pd")]
    public static IbvPd* ImportPd(IbvContext* context, uint handle) => (IbvPd*)Failure.Null(Errno.NotSupported);

    /// <summary><c>ibv_import_mr(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_import_mr")]
    public static IbvMr* ImportMr(IbvPd* domain, uint handle) => (IbvMr*)Failure.Null(Errno.NotSupported);

    /// <summary><c>ibv_import_dm(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_import_dm")]
    public static void* ImportDm(IbvContext* context, uint handle) => (void*)Failure.Null(Errno.NotSupported);

    /// <summary>
    /// Stands for every symbol by which vendors' drivers reach a kernel device: they load, find no device of theirs, and never call it. EOPNOTSUPP.
    /// </summary>
    [UnmanagedCallersOnly(EntryPoint = "vrdma_unsupported")]
    public static int Unsupported() => Errno.NotSupported;

    /// <summary>As <see cref="Unsupported"/>, where a pointer is expected.</summary>
    [UnmanagedCallersOnly(EntryPoint = "vrdma_unsupported_pointer")]
    public static void* UnsupportedPointer() => (void*)Failure.Null(Errno.NotSupported);
}
