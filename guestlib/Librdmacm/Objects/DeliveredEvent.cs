using System.Runtime.InteropServices;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Librdmacm.Abi;

namespace RoceEngine.Librdmacm.Objects;

/// <summary>An event in a program's hands, until it acknowledges it.</summary>
internal sealed unsafe class DeliveredEvent
{
    private readonly EventAccount _account;
    private void* _privateData;

    private DeliveredEvent(EventAccount account) => _account = account;

    /// <summary>An event that counts on an account.</summary>
    public static RdmaCmEvent* Create(EventAccount account, CmId id, RdmaEventType type, int status)
    {
        RdmaCmEvent* pointer = Backed.Allocate<RdmaCmEvent, DeliveredEvent>(new DeliveredEvent(account));
        pointer->Id = id.Pointer;
        pointer->Event = (int)type;
        pointer->Status = status;
        return pointer;
    }

    /// <summary>Keeps a copy of private data, up to 255 bytes, as the event's. Both structures of the union begin with it.</summary>
    public static void SetPrivateData(RdmaCmEvent* pointer, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
        {
            return;
        }

        DeliveredEvent self = Backed.Object<RdmaCmEvent, DeliveredEvent>(pointer);
        data = data[..Math.Min(data.Length, byte.MaxValue)];
        self._privateData = NativeMemory.Alloc((nuint)data.Length);
        data.CopyTo(new Span<byte>(self._privateData, data.Length));
        pointer->Param.PrivateData = self._privateData;
        pointer->Param.PrivateDataLen = (byte)data.Length;
    }

    /// <summary><c>rdma_ack_cm_event(3)</c>.</summary>
    public static void Acknowledge(RdmaCmEvent* pointer)
    {
        DeliveredEvent self = Backed.Object<RdmaCmEvent, DeliveredEvent>(pointer);
        NativeMemory.Free(self._privateData);
        Backed.Free<RdmaCmEvent, DeliveredEvent>(pointer);
        self._account.Acknowledge(1);
    }
}
