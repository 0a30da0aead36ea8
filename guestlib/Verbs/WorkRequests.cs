namespace RoceEngine.Verbs;

/// <summary>One piece of registered memory that a work request reads or fills. <c>struct ibv_sge</c>.</summary>
public struct ScatterGatherEntry
{
    /// <summary>Guest virtual address: a pointer in this process, as <see cref="MemoryRegion.Address"/> plus an offset.</summary>
    public ulong Address;

    /// <summary>Length in bytes.</summary>
    public uint Length;

    /// <summary>The region's <see cref="MemoryRegion.LocalKey"/>; ignored with <see cref="SendFlags.Inline"/>.</summary>
    public uint LocalKey;

    /// <summary>An entry from its three parts.</summary>
    /// <param name="address">Guest virtual address.</param>
    /// <param name="length">Length in bytes.</param>
    /// <param name="localKey">Key of the region that covers the range.</param>
    public ScatterGatherEntry(ulong address, uint length, uint localKey)
    {
        Address = address;
        Length = length;
        LocalKey = localKey;
    }
}

/// <summary>A send work request without its scatter/gather entries. <c>struct ibv_send_wr</c>.</summary>
public struct SendRequest
{
    /// <summary>The application's own number, returned in <see cref="WorkCompletion.WorkRequestId"/>.</summary>
    public ulong WorkRequestId;

    /// <summary>What to do.</summary>
    public SendOpcode Opcode;

    /// <summary>How to do it.</summary>
    public SendFlags Flags;

    /// <summary>
    /// Immediate data as a number of the host (the wire order is the library's business), or the key of
    /// <see cref="SendOpcode.SendWithInvalidate"/> and <see cref="SendOpcode.LocalInvalidate"/>.
    /// </summary>
    public uint Immediate;

    /// <summary>The peer's <see cref="MemoryRegion.RemoteKey"/>: WRITE, READ and atomics.</summary>
    public uint RemoteKey;

    /// <summary>The peer's guest virtual address: WRITE, READ and atomics (multiple of 8).</summary>
    public ulong RemoteAddress;

    /// <summary>Atomics: the value to compare with, or the addend of a fetch and add.</summary>
    public ulong CompareAdd;

    /// <summary>Compare and swap: the new value.</summary>
    public ulong Swap;

    /// <summary>Masked compare and swap: ones where the values are compared.</summary>
    public ulong CompareMask;

    /// <summary>Masked compare and swap: ones where the value is replaced.</summary>
    public ulong SwapMask;

    /// <summary>UD: where the datagram goes. <c>wr.ud.ah</c>.</summary>
    public AddressHandle? Destination;

    /// <summary>UD: the receiving QP's number; <see cref="AddressHandle.MulticastQueuePair"/> for a group. <c>wr.ud.remote_qpn</c>.</summary>
    public uint RemoteQueuePair;

    /// <summary>UD: the receiver's queue key; with the high bit set the own QP's is sent instead. <c>wr.ud.remote_qkey</c>.</summary>
    public uint RemoteQueueKey;

    /// <summary>FLUSH: bytes of the remote range; not looked at with <see cref="FlushOptions.WholeRegion"/>.</summary>
    public uint FlushBytes;

    /// <summary>FLUSH: how far, and of what.</summary>
    public FlushOptions FlushOptions;

    /// <summary>Masked fetch and add: a one is the highest bit of a field. Shares its place with <see cref="CompareMask"/>.</summary>
    public ulong FieldBoundary
    {
        readonly get => CompareMask;
        set => CompareMask = value;
    }
}

/// <summary>A completion, as <see cref="CompletionQueue.Poll"/> returns it. <c>struct ibv_wc</c>.</summary>
public struct WorkCompletion
{
    /// <summary>The number that the work request was posted with. Valid whatever the status.</summary>
    public ulong WorkRequestId;

    /// <summary>How it ended. Valid always; the members below except <see cref="QueuePairNumber"/> only on success.</summary>
    public CompletionStatus Status;

    /// <summary>What completed.</summary>
    public WorkCompletionOpcode Opcode;

    /// <summary>Bytes received (receives), or bytes read (READ and atomics).</summary>
    public uint ByteLength;

    /// <summary>Immediate data as the sender's <see cref="SendRequest.Immediate"/>, or the invalidated key; see <see cref="Flags"/>.</summary>
    public uint ImmediateData;

    /// <summary>Which optional members are valid.</summary>
    public CompletionFlags Flags;

    /// <summary>The local QP's number.</summary>
    public uint QueuePairNumber;

    /// <summary>
    /// The sender's QP number (UD receives). There the first <see cref="AddressHandle.GlobalRouteHeaderBytes"/> bytes of the receive are the
    /// sender's IP header, see <see cref="ProtectionDomain.CreateAddressHandle(in WorkCompletion, ReadOnlySpan{byte})"/>, and
    /// <see cref="ByteLength"/> counts them.
    /// </summary>
    public uint SourceQueuePair;

    /// <summary>A detail of the device about a failure; 0 when there is none.</summary>
    public uint VendorError;
}
