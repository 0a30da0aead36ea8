using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Verbs.Tests;

/// <summary>
/// The device's side of the ABI without an engine: it answers commands from a table, and the test plays the datapath by hand, so that it can
/// produce what a real device never would. Driven inline: every call into the library that waits runs <see cref="Turn"/>.
/// </summary>
internal sealed unsafe partial class FakeDevice : IDisposable
{
    private readonly Lock _lock = new();
    private readonly ChannelMemory _memory;
    private readonly GuestControlPage* _guest;
    private readonly DeviceControlPage* _device;
    private readonly DoorbellHarvester[] _doorbells;
    private PvrdmaDeviceSharedRegion* _shared;
    private uint _nextHandle = 1;
    private uint _sharedLow;

    public FakeDevice(long memoryBytes = 4 << 20, string address = "127.13.0.1")
    {
        _memory = ChannelMemory.Create(memoryBytes, ControlRegion.Bytes);
        _guest = (GuestControlPage*)(_memory.Control + ControlRegion.GuestPage);
        _device = (DeviceControlPage*)(_memory.Control + ControlRegion.DevicePage);
        _doorbells =
        [
            new DoorbellHarvester(DoorbellBitmap.ForSends(_memory.Control)),
            new DoorbellHarvester(DoorbellBitmap.ForReceives(_memory.Control)),
        ];
        SetRegister(PvrdmaRegister.Version, AbiVersion.Pvrdma);
        SetRegister(PvrdmaRegister.ExtensionCaps, uint.MaxValue);
        SetRegister(PvrdmaRegister.ExtensionInlineBytes, 256);
        Channel = DeviceChannel.Embed(_memory, "fake", address, Turn, onDispose: null);
        Address = address;
    }

    public string Address { get; }

    public DeviceChannel Channel { get; }

    public Dictionary<uint, FakeQueuePair> QueuePairs { get; } = [];

    public Dictionary<uint, FakeCompletionQueue> CompletionQueues { get; } = [];

    /// <summary>Commands executed, in order.</summary>
    public List<PvrdmaCommand> Commands { get; } = [];

    /// <summary>What the next command of a kind comes to.</summary>
    public Dictionary<PvrdmaCommand, byte> Errors { get; } = [];

    /// <summary>False: the mailbox is not looked at.</summary>
    public bool Answers { get; set; } = true;

    /// <summary>Runs at the end of each turn: the test's datapath.</summary>
    public Action? Datapath { get; set; }

    public int KicksTaken => (int)Events.Drain(_memory.KickDescriptor);

    public void SetRegister(int offset, uint value) => *(uint*)(_memory.Control + ControlRegion.RegisterPage + offset) = value;

    public void SetNeedWakeup(bool asleep) => Volatile.Write(ref _device->NeedWakeup, asleep ? 1u : 0u);

    public void SetState(uint state) => Volatile.Write(ref _device->DeviceState, state);

    /// <summary>The handles whose send (0) or receive (1) doorbell rang since the last call.</summary>
    public List<uint> TakeDoorbells(int kind)
    {
        var handles = new List<uint>();
        while (_doorbells[kind].TryNext(out uint handle))
            handles.Add(handle);
        return handles;
    }

    public void RaiseEvent(PvrdmaEvent type, uint info)
    {
        byte* ring = _memory.GuestRam + PageOf(_shared->AsyncRing.DirectoryAddress, 0);
        PvrdmaRing* state = &((PvrdmaRingState*)ring)->Receive;
        uint slots = RingIndex.UsableSlots((_shared->AsyncRing.PageCount - 1) * 4096 / PvrdmaEventEntry.Length);
        ((PvrdmaEventEntry*)(ring + 4096))[RingIndex.Slot(state->ProducerTail, slots)] = new PvrdmaEventEntry { Type = (uint)type, Info = info };
        PvrdmaRing.PublishProducer(state, RingIndex.Next(state->ProducerTail, slots));
        Events.Signal(_memory.InterruptDescriptor(1));
    }

    /// <summary>Puts a CQ's handle into the notification ring, if it is armed for this; takes the arm word.</summary>
    public bool Notify(uint cqHandle, bool solicited = false)
    {
        CompletionQueuePage* page = CompletionQueues[cqHandle].Page;
        Interlocked.MemoryBarrier();
        uint armed = Volatile.Read(ref page->ArmWord);
        if (armed == CompletionQueuePage.ArmedNone || (armed == CompletionQueuePage.ArmedSolicited && !solicited))
            return false;
        Interlocked.Exchange(ref page->ArmWord, CompletionQueuePage.ArmedNone);
        byte* ring = _memory.GuestRam + PageOf(_shared->NotificationRing.DirectoryAddress, 0);
        PvrdmaRing* state = &((PvrdmaRingState*)ring)->Receive;
        uint slots = RingIndex.UsableSlots((_shared->NotificationRing.PageCount - 1) * 4096 / PvrdmaNotificationEntry.Length);
        ((PvrdmaNotificationEntry*)(ring + 4096))[RingIndex.Slot(state->ProducerTail, slots)].CqHandle = cqHandle;
        PvrdmaRing.PublishProducer(state, RingIndex.Next(state->ProducerTail, slots));
        Events.Signal(_memory.InterruptDescriptor(2));
        return true;
    }

    public void Turn()
    {
        if (_lock.IsHeldByCurrentThread || !_lock.TryEnter())
            return;
        try
        {
            uint sequence = Volatile.Read(ref _guest->MailboxSequence);
            if (Answers && sequence != _device->MailboxAcknowledged)
            {
                WriteRegister((int)_guest->MailboxOffset, _guest->MailboxValue);
                Volatile.Write(ref _device->MailboxAcknowledged, sequence);
            }

            Datapath?.Invoke();
        }
        finally
        {
            _lock.Exit();
        }
    }

    public void Dispose()
    {
        Channel.Dispose();
        _successors.ForEach(channel => channel.Dispose());
        _memory.Release();
    }

    private void WriteRegister(int offset, uint value)
    {
        SetRegister(PvrdmaRegister.Error, 0);
        switch (offset)
        {
            case PvrdmaRegister.DsrLow:
                _sharedLow = value;
                break;
            case PvrdmaRegister.DsrHigh:
                _shared = (PvrdmaDeviceSharedRegion*)(_memory.GuestRam + (long)(((ulong)value << 32) | _sharedLow));
                _shared->Caps = new PvrdmaDeviceCaps
                {
                    MaxQp = 64, MaxCq = 64, MaxMr = 64, MaxPd = 8, MaxQpWr = 4096, MaxSge = 16, MaxSgeRead = 16, MaxCqe = 8192,
                    MaxMrBytes = 1 << 30, MaxQpRdAtomic = 8, MaxQpInitiatorRdAtomic = 8, PortCount = 1, AtomicOperations = 3, GidTableLength = 1,
                    NodeGuid = 0x0807060504030201, MaxAh = 4, MaxMw = 8, MaxSrq = 8, MaxSrqWr = 1024, MaxSrqSge = 4, MaxFastRegisterPages = 128,
                    MemoryManagementFlags = 7,
                };
                break;
            case PvrdmaRegister.ExtensionEnable:
                SetRegister(PvrdmaRegister.ExtensionEnable, value & *(uint*)(_memory.Control + PvrdmaRegister.ExtensionCaps));
                break;
            case PvrdmaRegister.Request:
                Execute();
                break;
        }
    }

    private void Execute()
    {
        byte* slot = _memory.GuestRam + _shared->CommandSlotAddress;
        var header = (PvrdmaCommandHeader*)slot;
        var number = (PvrdmaCommand)header->Command;
        Commands.Add(number);
        byte* response = _memory.GuestRam + _shared->ResponseSlotAddress;
        Errors.Remove(number, out byte error);
        if (!PvrdmaCommands.HasResponse(number))
        {
            SetRegister(PvrdmaRegister.Error, error);
            if (error == 0)
                ExecuteSilently(number, slot);
            return;
        }

        new Span<byte>(response, PvrdmaCommands.ResponseBytesMax).Clear();
        *(PvrdmaResponseHeader*)response = new PvrdmaResponseHeader
        {
            Cookie = header->Cookie, Acknowledgement = PvrdmaCommands.Acknowledgement(number), Error = error,
        };
        if (error == 0)
            Respond(number, slot, response);
        Events.Signal(_memory.InterruptDescriptor(0));
    }

    private void Respond(PvrdmaCommand number, byte* slot, byte* response)
    {
        switch (number)
        {
            case PvrdmaCommand.CreatePd:
                Remember(PvrdmaObjectKind.ProtectionDomain, new PvrdmaNextObjectResponse { Handle = _nextHandle });
                ((PvrdmaHandleResponse*)response)->Handle = _nextHandle++;
                break;
            case PvrdmaCommand.CreateMr:
                RememberRegion(*(PvrdmaCreateMr*)slot);
                uint handle = _nextHandle++;
                Regions.Add(*(PvrdmaCreateMr*)slot);
                ((PvrdmaCreateMrResponse*)response)->MrHandle = handle;
                ((PvrdmaCreateMrResponse*)response)->LocalKey = 0x1000 + handle;
                ((PvrdmaCreateMrResponse*)response)->RemoteKey = 0x2000 + handle;
                break;
            case PvrdmaCommand.CreateCq:
                var cq = (PvrdmaCreateCq*)slot;
                RememberQueue(*cq);
                ((PvrdmaCreateCqResponse*)response)->CqHandle = _nextHandle;
                ((PvrdmaCreateCqResponse*)response)->EntryCount = cq->EntryCount;
                CompletionQueues[_nextHandle++] = new FakeCompletionQueue(_memory.GuestRam + PageOf(cq->DirectoryAddress, 0), cq->EntryCount);
                break;
            case PvrdmaCommand.CreateQp:
                var qp = (PvrdmaCreateQp*)slot;
                var made = (PvrdmaCreateQpResponse*)response;
                made->QpHandle = _nextHandle++;
                made->Qpn = 0xABC000 + made->QpHandle;
                made->MaxInlineBytes = qp->MaxInlineBytes;
                RememberQueuePair(*qp, made->QpHandle, made->Qpn);
                QueuePairs[made->QpHandle] = new FakeQueuePair(_memory.GuestRam + PageOf(qp->DirectoryAddress, 0), *qp);
                break;
            case PvrdmaCommand.QueryPort:
                ((PvrdmaQueryPortResponse*)response)->Attributes =
                    new PvrdmaPortAttributes { State = 4, ActiveMtu = 5, MaxMtu = 5, MaxMessageBytes = 1u << 31 };
                break;
            case PvrdmaCommand.ModifyQp:
                QueuePairs[((PvrdmaModifyQp*)slot)->QpHandle].Modified.Add(*(PvrdmaModifyQp*)slot);
                break;
            case PvrdmaCommand.QueryQp:
                ((PvrdmaQueryQpResponse*)response)->Attributes = QueuePairs[((PvrdmaQueryQp*)slot)->QpHandle].Modified[^1].Attributes;
                break;
            default:
                RespondToExtended(number, slot, response);
                break;
        }
    }

    private void Destroy(PvrdmaCommand number, uint handle)
    {
        Forget(number, handle);
        if (number == PvrdmaCommand.DestroyQp)
            QueuePairs.Remove(handle);
        if (number == PvrdmaCommand.DestroyCq)
            CompletionQueues.Remove(handle);
    }

    private long PageOf(ulong directory, int page)
    {
        ulong table = ((ulong*)(_memory.GuestRam + (long)directory))[page / 512];
        return (long)((ulong*)(_memory.GuestRam + (long)table))[page % 512];
    }
}
