using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using RoceEngine.Libibverbs;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Librdmacm.Objects;
using RoceEngine.Verbs;

namespace RoceEngine.Librdmacm.Exports;

/// <summary>Identifiers, their channels, addresses and routes. 0, or -1 with errno, where nothing else is said.</summary>
internal static unsafe class IdExports
{
    /// <summary><c>rdma_create_event_channel(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_create_event_channel")]
    public static RdmaEventChannel* CreateEventChannel() => Edge.Pointer<RdmaEventChannel>(() => new EventChannel().Pointer);

    /// <summary><c>rdma_destroy_event_channel(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_destroy_event_channel")]
    public static void DestroyEventChannel(RdmaEventChannel* channel) => Edge.MinusOne(() => EventChannel.Of(channel).Destroy());

    /// <summary><c>rdma_create_id(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_create_id")]
    public static int CreateId(RdmaEventChannel* channel, RdmaCmId** into, void* context, int space) => Edge.MinusOne(() =>
        *into = new CmId(channel == null ? null : EventChannel.Of(channel), context, (PortSpace)space).Pointer);

    /// <summary><c>rdma_destroy_id(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_destroy_id")]
    public static int DestroyId(RdmaCmId* id) => Edge.MinusOne(() => CmId.Of(id).Destroy());

    /// <summary><c>rdma_migrate_id(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_migrate_id")]
    public static int MigrateId(RdmaCmId* id, RdmaEventChannel* channel) => Edge.MinusOne(() =>
        CmId.Of(id).Migrate(channel == null ? null : EventChannel.Of(channel)));

    /// <summary><c>rdma_bind_addr(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_bind_addr")]
    public static int BindAddr(RdmaCmId* id, byte* address) => Edge.MinusOne(() => CmId.Of(id).Bind(Required(address)));

    /// <summary><c>rdma_resolve_addr(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_resolve_addr")]
    public static int ResolveAddr(RdmaCmId* id, byte* source, byte* destination, int timeoutMs) => CmSteps.RunAndWait(id, () =>
        CmId.Of(id).ResolveAddress(SocketAddress.Read(source), Required(destination)));

    /// <summary><c>rdma_resolve_route(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_resolve_route")]
    public static int ResolveRoute(RdmaCmId* id, int timeoutMs) => CmSteps.RunAndWait(id, () => CmId.Of(id).ResolveRoute());

    /// <summary><c>rdma_set_option(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_set_option")]
    public static int SetOption(RdmaCmId* id, int level, int name, void* value, nuint bytes) => Edge.MinusOne(() =>
        CmId.Of(id).SetOption(level, name, new ReadOnlySpan<byte>(value, (int)Math.Min(bytes, int.MaxValue))));

    /// <summary><c>rdma_get_src_port(3)</c>, in network byte order.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_get_src_port")]
    public static ushort GetSrcPort(RdmaCmId* id) => BinaryPrimitives.ReverseEndianness(CmId.Of(id).LocalPort);

    /// <summary><c>rdma_get_dst_port(3)</c>, in network byte order.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_get_dst_port")]
    public static ushort GetDstPort(RdmaCmId* id) => BinaryPrimitives.ReverseEndianness(CmId.Of(id).PeerPort);

    /// <summary><c>rdma_join_multicast(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_join_multicast")]
    public static int JoinMulticast(RdmaCmId* id, byte* address, void* context) => CmSteps.RunAndWait(id, () =>
        CmId.Of(id).Join(Required(address).Address, context));

    /// <summary><c>rdma_join_multicast_ex(3)</c>: a member that only sends is one like any other.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_join_multicast_ex")]
    public static int JoinMulticastEx(RdmaCmId* id, RdmaCmJoinMcAttrEx* attributes, void* context) => CmSteps.RunAndWait(id, () =>
    {
        const uint hasAddress = 1;
        const uint known = 3;
        if (attributes == null || (attributes->CompMask & hasAddress) == 0 || (attributes->CompMask & ~known) != 0)
        {
            throw new VerbsException(Errno.Invalid, "rdma_join_multicast_ex: no address, or unknown attributes");
        }

        CmId.Of(id).Join(Required(attributes->Addr).Address, context);
    });

    /// <summary><c>rdma_leave_multicast(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_leave_multicast")]
    public static int LeaveMulticast(RdmaCmId* id, byte* address) => Edge.MinusOne(() => CmId.Of(id).Leave(Required(address).Address));

    /// <summary><c>rdma_get_devices(3)</c>: contexts, ended by null.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_get_devices")]
    public static IbvContext** GetDevices(int* count)
    {
        try
        {
            var list = (IbvContext**)NativeMemory.AllocZeroed(2, (nuint)sizeof(nint));
            list[0] = CmDevice.Open().Context;
            if (count != null)
            {
                *count = 1;
            }

            return list;
        }
        catch (Exception e)
        {
            Failure.Tell(e.Message);
            if (count != null)
            {
                *count = 0;
            }

            return (IbvContext**)Failure.Null(e);
        }
    }

    /// <summary><c>rdma_free_devices(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_free_devices")]
    public static void FreeDevices(IbvContext** list) => NativeMemory.Free(list);

    private static IPEndPoint Required(byte* address) => SocketAddress.Read(address) ?? throw new VerbsException(Errno.Invalid, "no address");
}
