using System.Runtime.InteropServices;
using RoceEngine.Libibverbs;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Librdmacm.Objects;
using RoceEngine.Verbs;

namespace RoceEngine.Librdmacm.Exports;

/// <summary>Looking addresses up, and identifiers that are made of what was found. 0, or -1 with errno, where nothing else is said.</summary>
internal static unsafe class EndpointExports
{
    private const int Passive = 1;

    /// <summary><c>rdma_getaddrinfo(3)</c>: 0, or an EAI_… number.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_getaddrinfo")]
    public static int GetAddrInfo(byte* node, byte* service, RdmaAddrinfo* hints, RdmaAddrinfo** into) =>
        Edge.MinusOne(() => AddressLookup.Find(node, service, hints, into));

    /// <summary><c>rdma_freeaddrinfo(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_freeaddrinfo")]
    public static void FreeAddrInfo(RdmaAddrinfo* list) => AddressLookup.Free(list);

    /// <summary><c>rdma_create_ep(3)</c>: a synchronous identifier, bound or with a route, and with its QP if attributes are given.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_create_ep")]
    public static int CreateEp(RdmaCmId** into, RdmaAddrinfo* found, IbvPd* domain, IbvQpInitAttr* attributes) => Edge.MinusOne(() =>
    {
        var id = new CmId(null, null, (PortSpace)found->AiPortSpace, found->AiQpType);
        try
        {
            if ((found->AiFlags & Passive) != 0)
            {
                id.Bind(SocketAddress.Read(found->AiSrcAddr) ?? throw new VerbsException(Errno.Invalid, "rdma_create_ep: no source address"));
                id.KeepForRequests(domain, attributes);
            }
            else
            {
                Resolve(id, found);
                if (attributes != null)
                {
                    attributes->QpType = found->AiQpType;
                    var extended = new IbvQpInitAttrEx { Base = *attributes };
                    id.CreateQueuePair(&extended, domain, isExtended: false);
                    attributes->Cap = extended.Base.Cap;
                }
            }

            *into = id.Pointer;
        }
        catch
        {
            id.Destroy();
            throw;
        }
    });

    /// <summary><c>rdma_destroy_ep(3)</c>: the identifier and what was made with it.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_destroy_ep")]
    public static void DestroyEp(RdmaCmId* id) => Edge.MinusOne(() =>
    {
        CmId ending = CmId.Of(id);
        ending.DestroyQueuePair();
        if (id->Srq != null)
        {
            _ = VerbsCalls.DestroyShared(id->Srq);
            id->Srq = null;
        }

        ending.Destroy();
    });

    /// <summary><c>rdma_get_request(3)</c>: waits for a peer; the identifier has the QP that the listener's attributes ask for.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_get_request")]
    public static int GetRequest(RdmaCmId* listener, RdmaCmId** into) => Edge.MinusOne(() => *into = CmId.Of(listener).TakeRequest());

    private static void Resolve(CmId id, RdmaAddrinfo* found)
    {
        id.ResolveAddress(
            SocketAddress.Read(found->AiSrcAddr),
            SocketAddress.Read(found->AiDstAddr) ?? throw new VerbsException(Errno.Invalid, "rdma_create_ep: no destination address"));
        Await(id);
        id.ResolveRoute();
        Await(id);
    }

    private static void Await(CmId id)
    {
        if (id.Complete() != 0)
        {
            throw new VerbsException(Marshal.GetLastSystemError(), "rdma_create_ep: there is no way to the destination");
        }
    }
}
