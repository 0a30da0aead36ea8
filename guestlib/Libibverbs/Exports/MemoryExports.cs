using System.Runtime.InteropServices;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs.Exports;

/// <summary>Protection domains, memory regions and windows.</summary>
internal static unsafe class MemoryExports
{
    private const int ChangeTranslation = 1;
    private const int ChangeDomain = 2;
    private const int ChangeAccess = 4;

    /// <summary><c>ibv_alloc_pd(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_alloc_pd")]
    public static IbvPd* AllocPd(IbvContext* context) => Edge.Pointer<IbvPd>(() =>
    {
        ProtectionDomain domain = OpenContext.Of(context).Rdma.AllocateProtectionDomain();
        IbvPd* pointer = Backed.Allocate<IbvPd, ProtectionDomain>(domain);
        pointer->Context = context;
        pointer->Handle = domain.Handle;
        return pointer;
    });

    /// <summary><c>ibv_dealloc_pd(3)</c>; EBUSY while something belongs to it.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_dealloc_pd")]
    public static int DeallocPd(IbvPd* domain) => Edge.Number(() =>
    {
        Backed.Object<IbvPd, ProtectionDomain>(domain).Dispose();
        Backed.Free<IbvPd, ProtectionDomain>(domain);
    });

    /// <summary><c>ibv_reg_mr(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_reg_mr")]
    public static IbvMr* RegMr(IbvPd* domain, byte* address, nuint bytes, int access) =>
        Register(domain, address, bytes, (ulong)address, (uint)access);

    /// <summary><c>ibv_reg_mr_iova(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_reg_mr_iova")]
    public static IbvMr* RegMrIova(IbvPd* domain, byte* address, nuint bytes, ulong name, int access) =>
        Register(domain, address, bytes, name, (uint)access);

    /// <summary><c>ibv_reg_mr_iova(3)</c> with optional rights.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_reg_mr_iova2")]
    public static IbvMr* RegMrIova2(IbvPd* domain, byte* address, nuint bytes, ulong name, uint access) =>
        Register(domain, address, bytes, name, access);

    /// <summary><c>ibv_reg_dmabuf_mr(3)</c>: EOPNOTSUPP, since a buffer of another device has no address here.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_reg_dmabuf_mr")]
    public static IbvMr* RegDmabufMr(IbvPd* domain, ulong offset, nuint bytes, ulong name, int descriptor, int access) =>
        (IbvMr*)Failure.Null(Errno.NotSupported);

    /// <summary><c>ibv_rereg_mr(3)</c>: 0, or -1 (the region is as before) with errno.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_rereg_mr")]
    public static int ReregMr(IbvMr* region, int flags, IbvPd* domain, byte* address, nuint bytes, int access) => Edge.MinusOne(() =>
    {
        if ((flags & ~(ChangeTranslation | ChangeDomain | ChangeAccess)) != 0 || flags == 0)
        {
            return Failure.MinusOne(Errno.Invalid);
        }

        bool moves = (flags & ChangeTranslation) != 0;
        MemoryRegion changed = Backed.Object<IbvMr, MemoryRegion>(region);
        AccessFlags? rights = (flags & ChangeAccess) != 0 ? ApplicationMemory.AccessOf((uint)access) : null;
        changed.Reregister(new Reregistration
        {
            ProtectionDomain = (flags & ChangeDomain) != 0 ? Backed.Object<IbvPd, ProtectionDomain>(domain) : null,
            Memory = moves ? ApplicationMemory.Use(OpenContext.Of(region->Context).Rdma, address, bytes, rights ?? changed.Access) : null,
            Access = rights,
        });
        if (moves)
        {
            region->Addr = address;
            region->Length = bytes;
        }

        if ((flags & ChangeDomain) != 0)
        {
            region->Pd = domain;
        }

        region->Lkey = changed.LocalKey;
        region->Rkey = changed.RemoteKey;
        return 0;
    });

    /// <summary><c>ibv_dereg_mr(3)</c>; EBUSY while a window is bound to it.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_dereg_mr")]
    public static int DeregMr(IbvMr* region) => Edge.Number(() =>
    {
        Backed.Object<IbvMr, MemoryRegion>(region).Dispose();
        Backed.Free<IbvMr, MemoryRegion>(region);
    });

    /// <summary><c>ibv_alloc_mw(3)</c>.</summary>
    [UnmanagedCallersOnly]
    public static IbvMw* AllocMw(IbvPd* domain, int type) => Edge.Pointer<IbvMw>(() =>
    {
        if (type is not ((int)MemoryWindowType.Type1 or (int)MemoryWindowType.Type2))
        {
            return (IbvMw*)Failure.Null(Errno.Invalid);
        }

        MemoryWindow window = Backed.Object<IbvPd, ProtectionDomain>(domain).AllocateMemoryWindow((MemoryWindowType)type);
        IbvMw* pointer = Backed.Allocate<IbvMw, MemoryWindow>(window);
        pointer->Context = domain->Context;
        pointer->Pd = domain;
        pointer->Rkey = window.RemoteKey;
        pointer->Type = type;
        return pointer;
    });

    /// <summary><c>ibv_bind_mw(3)</c>, type 1: the window's key is the new one when it returns.</summary>
    [UnmanagedCallersOnly]
    public static int BindMw(IbvQp* queuePair, IbvMw* window, IbvMwBind* bind) => Edge.Number(() =>
    {
        MemoryWindow bound = Backed.Object<IbvMw, MemoryWindow>(window);
        WindowBind what = Requests.BindOf(&bind->BindInfo, MemoryWindow.NextKey(bound.RemoteKey));
        if (!OpenQueuePair.Of(queuePair).QueuePair.TryPostBindWindow(
            bound, in what, out uint key, bind->WrId, Requests.FlagsOf(bind->SendFlags)))
        {
            return Errno.NoMemory;
        }

        window->Rkey = key;
        return 0;
    });

    /// <summary><c>ibv_dealloc_mw(3)</c>.</summary>
    [UnmanagedCallersOnly]
    public static int DeallocMw(IbvMw* window) => Edge.Number(() =>
    {
        Backed.Object<IbvMw, MemoryWindow>(window).Dispose();
        Backed.Free<IbvMw, MemoryWindow>(window);
    });

    private static IbvMr* Register(IbvPd* domain, byte* address, nuint bytes, ulong name, uint access) => Edge.Pointer<IbvMr>(() =>
    {
        AccessFlags rights = ApplicationMemory.AccessOf(access);
        GuestMemory memory = ApplicationMemory.Use(OpenContext.Of(domain->Context).Rdma, address, bytes, rights);
        MemoryRegion region = Backed.Object<IbvPd, ProtectionDomain>(domain).RegisterMemory(memory, 0, memory.Length, rights, name);
        IbvMr* pointer = Backed.Allocate<IbvMr, MemoryRegion>(region);
        pointer->Context = domain->Context;
        pointer->Pd = domain;
        pointer->Addr = address;
        pointer->Length = bytes;
        pointer->Handle = region.Handle;
        pointer->Lkey = region.LocalKey;
        pointer->Rkey = region.RemoteKey;
        return pointer;
    });
}
