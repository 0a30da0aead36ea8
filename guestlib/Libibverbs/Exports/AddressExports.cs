using System.Runtime.InteropServices;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Verbs;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Libibverbs.Exports;

/// <summary>Address handles.</summary>
internal static unsafe class AddressExports
{
    /// <summary><c>ibv_create_ah(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_create_ah")]
    public static IbvAh* CreateAh(IbvPd* domain, IbvAhAttr* attributes) =>
        Edge.Pointer<IbvAh>(() => Create(domain, Addresses.Read(in *attributes)));

    /// <summary><c>ibv_create_ah_from_wc(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_create_ah_from_wc")]
    public static IbvAh* CreateAhFromWc(IbvPd* domain, IbvWc* completion, byte* header, byte port) =>
        Edge.Pointer<IbvAh>(() => Create(domain, ReturnPath(completion, header, port)));

    /// <summary><c>ibv_init_ah_from_wc(3)</c>: 0 or the error number.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_init_ah_from_wc")]
    public static int InitAhFromWc(IbvContext* context, byte port, IbvWc* completion, byte* header, IbvAhAttr* into) =>
        Edge.Number(() => *into = Addresses.Write(ReturnPath(completion, header, port)));

    /// <summary><c>ibv_destroy_ah(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_destroy_ah")]
    public static int DestroyAh(IbvAh* handle) => Edge.Number(() =>
    {
        Backed.Object<IbvAh, AddressHandle>(handle).Dispose();
        Backed.Free<IbvAh, AddressHandle>(handle);
    });

    /// <summary>The link address of a GID: EOPNOTSUPP, since packets are left to the kernel's routing.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_resolve_eth_l2_from_gid")]
    public static int ResolveEthL2FromGid(IbvContext* context, IbvAhAttr* attributes, byte* mac, ushort* vlan) => Errno.NotSupported;

    private static AddressHandleAttributes ReturnPath(IbvWc* completion, byte* header, byte port) =>
        (completion->WcFlags & (uint)CompletionFlags.GlobalRouteHeader) != 0
            && GlobalRouteHeader.TryReadReturnPath(new ReadOnlySpan<byte>(header, AddressHandle.GlobalRouteHeaderBytes)) is { } attributes
            ? attributes with { Port = port }
            : throw new VerbsException(Errno.Invalid, "ibv_create_ah_from_wc: the completion has no header of a datagram to this address");

    private static IbvAh* Create(IbvPd* domain, AddressHandleAttributes attributes)
    {
        AddressHandle handle = Backed.Object<IbvPd, ProtectionDomain>(domain).CreateAddressHandle(attributes);
        IbvAh* pointer = Backed.Allocate<IbvAh, AddressHandle>(handle);
        pointer->Context = domain->Context;
        pointer->Pd = domain;
        return pointer;
    }
}
