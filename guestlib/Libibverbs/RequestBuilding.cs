using System.Buffers.Binary;
using System.Runtime.InteropServices;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs;

/// <summary>The calls of <c>ibv_wr_post(3)</c>, which <c>verbs.h</c> makes through the pointers in a QP. What goes wrong is told by complete.</summary>
internal static unsafe class RequestBuilding
{
    [UnmanagedCallersOnly]
    public static void Start(IbvQpEx* queuePair) => OpenQueuePair.Of(queuePair).Builder.Start();

    [UnmanagedCallersOnly]
    public static int Complete(IbvQpEx* queuePair) => OpenQueuePair.Of(queuePair).Builder.Complete();

    [UnmanagedCallersOnly]
    public static void Abort(IbvQpEx* queuePair) => OpenQueuePair.Of(queuePair).Builder.Abort();

    [UnmanagedCallersOnly]
    public static void AtomicCmpSwp(IbvQpEx* queuePair, uint key, ulong address, ulong compare, ulong swap) =>
        Add(queuePair, new SendRequest { Opcode = SendOpcode.CompareSwap, RemoteKey = key, RemoteAddress = address, CompareAdd = compare, Swap = swap });

    [UnmanagedCallersOnly]
    public static void AtomicFetchAdd(IbvQpEx* queuePair, uint key, ulong address, ulong add) =>
        Add(queuePair, new SendRequest { Opcode = SendOpcode.FetchAdd, RemoteKey = key, RemoteAddress = address, CompareAdd = add });

    [UnmanagedCallersOnly]
    public static void AtomicWrite(IbvQpEx* queuePair, uint key, ulong address, byte* value)
    {
        Add(queuePair, new SendRequest { Opcode = SendOpcode.AtomicWrite, RemoteKey = key, RemoteAddress = address });
        RequestBuilder builder = OpenQueuePair.Of(queuePair).Builder;
        builder.BeginInline();
        builder.AddInline(value, sizeof(ulong));
    }

    [UnmanagedCallersOnly]
    public static void BindMw(IbvQpEx* queuePair, IbvMw* window, uint key, IbvMwBindInfo* info)
    {
        RequestBuilder builder = OpenQueuePair.Of(queuePair).Builder;
        try
        {
            builder.AddBind(
                Backed.Object<IbvMw, MemoryWindow>(window), Requests.BindOf(info, key), queuePair->WrId, Requests.FlagsOf(queuePair->WrFlags));
        }
        catch (Exception e)
        {
            builder.Fail(Failure.Of(e));
        }
    }

    [UnmanagedCallersOnly]
    public static void LocalInv(IbvQpEx* queuePair, uint key) =>
        Add(queuePair, new SendRequest { Opcode = SendOpcode.LocalInvalidate, Immediate = key });

    [UnmanagedCallersOnly]
    public static void RdmaRead(IbvQpEx* queuePair, uint key, ulong address) =>
        Add(queuePair, new SendRequest { Opcode = SendOpcode.Read, RemoteKey = key, RemoteAddress = address });

    [UnmanagedCallersOnly]
    public static void RdmaWrite(IbvQpEx* queuePair, uint key, ulong address) =>
        Add(queuePair, new SendRequest { Opcode = SendOpcode.Write, RemoteKey = key, RemoteAddress = address });

    [UnmanagedCallersOnly]
    public static void RdmaWriteImm(IbvQpEx* queuePair, uint key, ulong address, uint immediate) => Add(
        queuePair,
        new SendRequest
        {
            Opcode = SendOpcode.WriteWithImmediate, RemoteKey = key, RemoteAddress = address, Immediate = BinaryPrimitives.ReverseEndianness(immediate),
        });

    [UnmanagedCallersOnly]
    public static void Send(IbvQpEx* queuePair) => Add(queuePair, new SendRequest { Opcode = SendOpcode.Send });

    [UnmanagedCallersOnly]
    public static void SendImm(IbvQpEx* queuePair, uint immediate) =>
        Add(queuePair, new SendRequest { Opcode = SendOpcode.SendWithImmediate, Immediate = BinaryPrimitives.ReverseEndianness(immediate) });

    [UnmanagedCallersOnly]
    public static void SendInv(IbvQpEx* queuePair, uint key) =>
        Add(queuePair, new SendRequest { Opcode = SendOpcode.SendWithInvalidate, Immediate = key });

    [UnmanagedCallersOnly]
    public static void SendTso(IbvQpEx* queuePair, void* header, ushort headerBytes, ushort segmentBytes) =>
        OpenQueuePair.Of(queuePair).Builder.Fail(Errno.NotSupported);

    [UnmanagedCallersOnly]
    public static void SetUdAddr(IbvQpEx* queuePair, IbvAh* handle, uint remoteQueuePair, uint remoteQueueKey) =>
        OpenQueuePair.Of(queuePair).Builder.SetDestination(Backed.Object<IbvAh, AddressHandle>(handle), remoteQueuePair, remoteQueueKey);

    [UnmanagedCallersOnly]
    public static void SetXrcSrqn(IbvQpEx* queuePair, uint number) => OpenQueuePair.Of(queuePair).Builder.Fail(Errno.NotSupported);

    [UnmanagedCallersOnly]
    public static void SetInlineData(IbvQpEx* queuePair, byte* data, nuint bytes)
    {
        RequestBuilder builder = OpenQueuePair.Of(queuePair).Builder;
        builder.BeginInline();
        builder.AddInline(data, bytes);
    }

    [UnmanagedCallersOnly]
    public static void SetInlineDataList(IbvQpEx* queuePair, nuint count, IbvDataBuf* buffers)
    {
        RequestBuilder builder = OpenQueuePair.Of(queuePair).Builder;
        builder.BeginInline();
        for (nuint i = 0; i < count; i++)
        {
            builder.AddInline(buffers[i].Addr, buffers[i].Length);
        }
    }

    [UnmanagedCallersOnly]
    public static void SetSge(IbvQpEx* queuePair, uint key, ulong address, uint bytes)
    {
        var entry = new IbvSge { Addr = address, Length = bytes, Lkey = key };
        OpenQueuePair.Of(queuePair).Builder.SetEntries(new ReadOnlySpan<IbvSge>(in entry));
    }

    [UnmanagedCallersOnly]
    public static void SetSgeList(IbvQpEx* queuePair, nuint count, IbvSge* entries)
    {
        RequestBuilder builder = OpenQueuePair.Of(queuePair).Builder;
        if (count > 1024)
        {
            builder.Fail(Errno.Invalid);
            return;
        }

        builder.SetEntries(new ReadOnlySpan<IbvSge>(entries, (int)count));
    }

    private static void Add(IbvQpEx* queuePair, SendRequest request)
    {
        RequestBuilder builder = OpenQueuePair.Of(queuePair).Builder;
        request.WorkRequestId = queuePair->WrId;
        try
        {
            request.Flags = Requests.FlagsOf(queuePair->WrFlags) & ~SendFlags.Inline;
        }
        catch (Exception e)
        {
            builder.Fail(Failure.Of(e));
        }

        builder.Add(in request);
    }
}
