using System.Runtime.InteropServices;
using RoceEngine.Libibverbs;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Librdmacm.Objects;
using RoceEngine.Verbs;

namespace RoceEngine.Librdmacm.Exports;

/// <summary>Queue pairs and shared receive queues of identifiers. 0, or -1 with errno.</summary>
internal static unsafe class CmQueuePairExports
{
    private const uint HasDomain = 1;
    private const uint HasSharedType = 1;
    private const uint HasSharedDomain = 2;
    private const int BasicShared = 0;

    /// <summary><c>rdma_create_qp(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_create_qp")]
    public static int CreateQp(RdmaCmId* id, IbvPd* domain, IbvQpInitAttr* attributes) => Edge.MinusOne(() =>
    {
        var extended = new IbvQpInitAttrEx { Base = *attributes };
        CmId.Of(id).CreateQueuePair(&extended, domain, isExtended: false);
        attributes->Cap = extended.Base.Cap;
    });

    /// <summary><c>rdma_create_qp_ex(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_create_qp_ex")]
    public static int CreateQpEx(RdmaCmId* id, IbvQpInitAttrEx* attributes) => Edge.MinusOne(() =>
    {
        IbvPd* domain = (attributes->CompMask & HasDomain) != 0 ? attributes->Pd : null;
        attributes->CompMask |= HasDomain;
        CmId.Of(id).CreateQueuePair(attributes, domain, isExtended: true);
    });

    /// <summary><c>rdma_destroy_qp(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_destroy_qp")]
    public static void DestroyQp(RdmaCmId* id) => Edge.MinusOne(() => CmId.Of(id).DestroyQueuePair());

    /// <summary><c>rdma_init_qp_attr(3)</c>: for the state that the attributes name.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_init_qp_attr")]
    public static int InitQpAttr(RdmaCmId* id, IbvQpAttr* attributes, int* mask) => Edge.MinusOne(() =>
    {
        QueuePairAttributes wanted = CmId.Of(id).AttributesFor((QueuePairState)attributes->QpState, out QueuePairAttributeMask needed);
        *attributes = QueuePairAttributeConversion.Write(in wanted);
        *mask = (int)needed;
    });

    /// <summary><c>rdma_create_srq(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_create_srq")]
    public static int CreateSrq(RdmaCmId* id, IbvPd* domain, IbvSrqInitAttr* attributes) => Edge.MinusOne(() => CreateShared(id, domain, attributes));

    /// <summary><c>rdma_create_srq_ex(3)</c>: a basic one; EOPNOTSUPP for XRC and tag matching, which the device lacks.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_create_srq_ex")]
    public static int CreateSrqEx(RdmaCmId* id, IbvSrqInitAttrEx* attributes) => Edge.MinusOne(() =>
    {
        if ((attributes->CompMask & HasSharedType) == 0)
        {
            throw new VerbsException(Errno.Invalid, "rdma_create_srq_ex: the attributes have no type");
        }

        if (attributes->SrqType != BasicShared || (attributes->CompMask & ~(HasSharedType | HasSharedDomain)) != 0)
        {
            throw new VerbsException(Errno.NotSupported, $"rdma_create_srq_ex: type {attributes->SrqType}; the device has basic ones alone");
        }

        CreateShared(id, (attributes->CompMask & HasSharedDomain) != 0 ? attributes->Pd : null, (IbvSrqInitAttr*)attributes);
    });

    /// <summary><c>rdma_destroy_srq(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rdma_destroy_srq")]
    public static void DestroySrq(RdmaCmId* id) => Edge.MinusOne(() =>
    {
        if (id->Srq != null)
        {
            _ = VerbsCalls.DestroyShared(id->Srq);
            id->Srq = null;
        }
    });

    // The first two members of both structures are the same.
    private static void CreateShared(RdmaCmId* id, IbvPd* domain, IbvSrqInitAttr* attributes)
    {
        if (CmId.Of(id).Pointer->Srq != null || id->Verbs == null)
        {
            throw new VerbsException(Errno.Invalid, "rdma_create_srq: the identifier has a queue, or no device");
        }

        IbvPd* used = domain != null ? domain : id->Pd != null ? id->Pd : CmDevice.Open().Domain;
        if (!CmDevice.Open().Owns(used->Context))
        {
            throw new VerbsException(Errno.Invalid, "rdma_create_srq: the protection domain is of another device");
        }

        IbvSrq* created = VerbsCalls.CreateShared(used, attributes);
        id->Srq = created != null ? created : throw new VerbsException(Marshal.GetLastSystemError(), "rdma_create_srq: the device made no queue");
        id->Pd = used;
    }
}
