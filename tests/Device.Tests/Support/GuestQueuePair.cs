using RoceEngine.Abi;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Device.Tests;

/// <summary>A QP as a driver holds it.</summary>
internal sealed unsafe class GuestQueuePair
{
    private readonly TestGuest _guest;
    private readonly ulong[] _pages;
    private readonly int _sendPages;
    private readonly uint _sendSlotBytes;
    private readonly uint _receiveSlotBytes;
    private uint _sendTail;
    private uint _receiveTail;

    public GuestQueuePair(
        TestGuest guest,
        uint domain,
        GuestCompletionQueue sends,
        GuestCompletionQueue receives,
        Func<PvrdmaCreateQp, PvrdmaCreateQp>? change = null)
    {
        _guest = guest;
        var request = new PvrdmaCreateQp
        {
            PdHandle = domain,
            SendCqHandle = sends.Handle,
            ReceiveCqHandle = receives.Handle,
            MaxSendWr = 64,
            MaxReceiveWr = 64,
            MaxSendSge = 4,
            MaxReceiveSge = 4,
            MaxInlineBytes = (guest.Options.Extension & ExtensionBits.Inline) != 0 ? 64u : 0,
            SignalAll = 0,
            QpType = (byte)PvrdmaQpType.Rc,
        };
        request = change?.Invoke(request) ?? request;
        _sendSlotBytes = PvrdmaWqeLayout.SendSlotBytes(request.MaxSendSge, request.MaxInlineBytes);
        _receiveSlotBytes = PvrdmaWqeLayout.ReceiveSlotBytes(request.MaxReceiveSge);
        _sendPages = (int)Math.Min(PvrdmaWqeLayout.PagesFor(request.MaxSendWr, _sendSlotBytes), 512);
        int receivePages = (int)Math.Min(PvrdmaWqeLayout.PagesFor(request.MaxReceiveWr, _receiveSlotBytes), 512);
        _pages = guest.Memory.AllocatePages(1 + _sendPages + receivePages);
        request.DirectoryAddress = guest.Memory.Directory(_pages);
        request.SendPageCount = (ushort)_sendPages;
        request.TotalPageCount = (ushort)_pages.Length;
        Request = request;
    }

    public PvrdmaCreateQp Request { get; set; }

    public uint Handle { get; private set; }

    public uint Qpn { get; private set; }

    public PvrdmaRingState* State => (PvrdmaRingState*)_guest.Memory.At(_pages[0]);

    public PvrdmaCommandError Create()
    {
        PvrdmaCommandError error = _guest.Command(PvrdmaCommand.CreateQp, Request, out PvrdmaCreateQpResponse response);
        Handle = response.QpHandle;
        Qpn = response.Qpn;
        return error;
    }

    public PvrdmaCommandError Modify(PvrdmaQpAttributes attributes, QueuePairAttributeMask mask) => _guest.Command(
        PvrdmaCommand.ModifyQp,
        new PvrdmaModifyQp { QpHandle = Handle, AttributeMask = (uint)mask, Attributes = attributes },
        out PvrdmaHandleResponse _);

    public PvrdmaCommandError ModifyState(PvrdmaQpState state) =>
        Modify(new PvrdmaQpAttributes { State = (uint)state }, QueuePairAttributeMask.State);

    public PvrdmaQpAttributes Query()
    {
        Assert.Equal(
            PvrdmaCommandError.None,
            _guest.Command(PvrdmaCommand.QueryQp, new PvrdmaQueryQp { QpHandle = Handle }, out PvrdmaQueryQpResponse response));
        return response.Attributes;
    }

    public void ToInit(PvrdmaAccess access = PvrdmaAccess.RemoteRead | PvrdmaAccess.RemoteWrite | PvrdmaAccess.RemoteAtomic) => Assert.Equal(
        PvrdmaCommandError.None,
        Modify(
            new PvrdmaQpAttributes { State = (uint)PvrdmaQpState.Init, Port = 1, Access = (uint)access },
            QueuePairAttributeMask.State | QueuePairAttributeMask.PartitionKeyIndex | QueuePairAttributeMask.Port
                | QueuePairAttributeMask.AccessFlags));

    /// <summary>From Init to ReadyToSend, as UC wants it.</summary>
    public void ConnectUnreliably(TestGuest peerGuest, GuestQueuePair peer)
    {
        const uint psn = 0x999;
        var attributes = new PvrdmaQpAttributes
        {
            State = (uint)PvrdmaQpState.ReadyToReceive, PathMtu = (uint)PvrdmaMtu.Mtu1024, DestinationQpn = peer.Qpn, ReceivePsn = psn,
        };
        peerGuest.Device.Gid.Write(attributes.AddressHandle.GlobalRoute.DestinationGid);
        Assert.Equal(
            PvrdmaCommandError.None,
            Modify(
                attributes,
                QueuePairAttributeMask.State | QueuePairAttributeMask.AddressVector | QueuePairAttributeMask.PathMtu
                    | QueuePairAttributeMask.DestinationQpn | QueuePairAttributeMask.ReceivePsn));
        Assert.Equal(
            PvrdmaCommandError.None,
            Modify(
                new PvrdmaQpAttributes { State = (uint)PvrdmaQpState.ReadyToSend, SendPsn = psn },
                QueuePairAttributeMask.State | QueuePairAttributeMask.SendPsn));
    }

    public void ToReadyToReceive(Gid destination, uint qpn, PvrdmaMtu mtu = PvrdmaMtu.Mtu1024)
    {
        var attributes = new PvrdmaQpAttributes
        {
            State = (uint)PvrdmaQpState.ReadyToReceive,
            PathMtu = (uint)mtu,
            DestinationQpn = qpn,
            ReceivePsn = 0x123456,
            MaxDestinationRdAtomic = 4,
            MinRnrTimer = 12,
        };
        destination.Write(attributes.AddressHandle.GlobalRoute.DestinationGid);
        attributes.AddressHandle.GlobalRoute.HopLimit = 64;
        attributes.AddressHandle.Flags = PvrdmaAhAttributes.GlobalRouteFlag;
        attributes.AddressHandle.Port = 1;
        Assert.Equal(
            PvrdmaCommandError.None,
            Modify(
                attributes,
                QueuePairAttributeMask.State | QueuePairAttributeMask.AddressVector | QueuePairAttributeMask.PathMtu
                    | QueuePairAttributeMask.DestinationQpn | QueuePairAttributeMask.ReceivePsn
                    | QueuePairAttributeMask.MaxDestinationRdAtomic | QueuePairAttributeMask.MinRnrTimer));
    }

    public void ToReadyToSend(byte timeout = 14, byte retries = 7) => Assert.Equal(
        PvrdmaCommandError.None,
        Modify(
            new PvrdmaQpAttributes
            {
                State = (uint)PvrdmaQpState.ReadyToSend,
                SendPsn = 0x123456,
                Timeout = timeout,
                RetryCount = retries,
                RnrRetry = 7,
                MaxRdAtomic = 4,
            },
            QueuePairAttributeMask.State | QueuePairAttributeMask.SendPsn | QueuePairAttributeMask.Timeout
                | QueuePairAttributeMask.RetryCount | QueuePairAttributeMask.RnrRetry | QueuePairAttributeMask.MaxRdAtomic));

    /// <summary>The bytes of a send slot.</summary>
    public byte* SendSlot(uint index)
    {
        long offset = (long)RingIndex.Slot(index, Request.MaxSendWr) * _sendSlotBytes;
        return _guest.Memory.At(_pages[1 + (offset / 4096)]) + (offset % 4096);
    }

    /// <summary>Writes a work request without ringing. False when the queue is full.</summary>
    public bool TryWriteSend(in PvrdmaSendWqe head, ReadOnlySpan<PvrdmaSge> entries, ReadOnlySpan<byte> inline = default)
    {
        if (RingIndex.IsFull(_sendTail, PvrdmaRing.ReadConsumer(&State->Send), Request.MaxSendWr))
        {
            return false;
        }

        byte* slot = SendSlot(_sendTail);
        *(PvrdmaSendWqe*)slot = head;
        var body = (PvrdmaSge*)(slot + PvrdmaWqeLayout.SendHeaderBytes);
        entries.CopyTo(new Span<PvrdmaSge>(body, entries.Length));
        inline.CopyTo(new Span<byte>(body, inline.Length));
        _sendTail = RingIndex.Next(_sendTail, Request.MaxSendWr);
        PvrdmaRing.PublishProducer(&State->Send, _sendTail);
        return true;
    }

    public void PostSend(PvrdmaSendWqe head, params ReadOnlySpan<PvrdmaSge> entries)
    {
        head.SgeCount = (uint)entries.Length;
        Assert.True(TryWriteSend(head, entries));
        _guest.RingSend(this);
    }

    public void PostInline(PvrdmaSendWqe head, ReadOnlySpan<byte> data)
    {
        head.Flags |= (uint)PvrdmaSendFlags.Inline;
        head.TotalBytes = (uint)data.Length;
        Assert.True(TryWriteSend(head, default, data));
        _guest.RingSend(this);
    }

    public void PostReceive(ulong id, params ReadOnlySpan<PvrdmaSge> entries)
    {
        var head = new PvrdmaReceiveWqe { WorkRequestId = id, SgeCount = (uint)entries.Length };
        Assert.True(TryWriteReceive(head, entries));
        _guest.RingReceive(this);
    }

    public bool TryWriteReceive(in PvrdmaReceiveWqe head, ReadOnlySpan<PvrdmaSge> entries)
    {
        if (RingIndex.IsFull(_receiveTail, PvrdmaRing.ReadConsumer(&State->Receive), Request.MaxReceiveWr))
        {
            return false;
        }

        long offset = (long)RingIndex.Slot(_receiveTail, Request.MaxReceiveWr) * _receiveSlotBytes;
        byte* slot = _guest.Memory.At(_pages[1 + _sendPages + (offset / 4096)]) + (offset % 4096);
        *(PvrdmaReceiveWqe*)slot = head;
        entries.CopyTo(new Span<PvrdmaSge>(slot + PvrdmaWqeLayout.ReceiveHeaderBytes, entries.Length));
        _receiveTail = RingIndex.Next(_receiveTail, Request.MaxReceiveWr);
        PvrdmaRing.PublishProducer(&State->Receive, _receiveTail);
        return true;
    }

    /// <summary>After a move to the reset state a driver begins again at 0.</summary>
    public void ResetIndices()
    {
        _sendTail = _receiveTail = 0;
        PvrdmaRing.PublishProducer(&State->Send, 0);
        PvrdmaRing.PublishProducer(&State->Receive, 0);
    }
}
