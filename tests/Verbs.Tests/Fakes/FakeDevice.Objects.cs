using RoceEngine.Abi;
using RoceEngine.Channel;

namespace RoceEngine.Verbs.Tests;

/// <content>What the device lists to a process that takes it from another. A test may have it lie.</content>
internal sealed unsafe partial class FakeDevice
{
    private readonly List<DeviceChannel> _successors = [];

    /// <summary>The objects, by kind and handle, as they are listed.</summary>
    public Dictionary<PvrdmaObjectKind, SortedList<uint, PvrdmaNextObjectResponse>> Objects { get; } =
        Enum.GetValues<PvrdmaObjectKind>().ToDictionary(kind => kind, _ => new SortedList<uint, PvrdmaNextObjectResponse>());

    /// <summary>Answers instead of <see cref="Objects"/>.</summary>
    public Func<PvrdmaNextObject, PvrdmaNextObjectResponse>? Lie { get; set; }

    /// <summary>The channel of the next process; the one before stays open, since nothing of it may matter.</summary>
    public DeviceChannel Succeed()
    {
        _successors.Add(DeviceChannel.Embed(_memory, "fake", Address, Turn, onDispose: null));
        return _successors[^1];
    }

    /// <summary>Changes what is listed of an object.</summary>
    public void Change(PvrdmaObjectKind kind, uint handle, Func<PvrdmaNextObjectResponse, PvrdmaNextObjectResponse> change) =>
        Objects[kind][handle] = change(Objects[kind][handle]);

    private PvrdmaNextObjectResponse Next(in PvrdmaNextObject request)
    {
        if (Lie is { } lie)
            return lie(request);
        uint from = request.Handle;
        return Objects[(PvrdmaObjectKind)request.Kind].FirstOrDefault(item => item.Key >= from).Value;
    }

    private void Remember(PvrdmaObjectKind kind, in PvrdmaNextObjectResponse found) => Objects[kind].Add(found.Handle, found);

    private void Forget(PvrdmaCommand number, uint handle)
    {
        PvrdmaObjectKind? kind = number switch
        {
            PvrdmaCommand.DestroyPd => PvrdmaObjectKind.ProtectionDomain,
            PvrdmaCommand.DestroyMr => PvrdmaObjectKind.MemoryRegion,
            PvrdmaCommand.DestroyCq => PvrdmaObjectKind.CompletionQueue,
            PvrdmaCommand.DestroySrq => PvrdmaObjectKind.SharedReceiveQueue,
            PvrdmaCommand.DestroyQp => PvrdmaObjectKind.QueuePair,
            PvrdmaCommand.DestroyMw => PvrdmaObjectKind.MemoryWindow,
            _ => null,
        };
        if (kind is { } known)
            Objects[known].Remove(handle);
    }

    private void RememberRegion(in PvrdmaCreateMr created)
    {
        bool isFast = (created.Flags & PvrdmaMrFlags.FastRegister) != 0;
        bool isOfProcess = (created.Flags & PvrdmaMrFlags.ProcessMemory) != 0;
        Remember(PvrdmaObjectKind.MemoryRegion, new PvrdmaNextObjectResponse
        {
            Handle = _nextHandle,
            PdHandle = created.PdHandle,
            FirstPage = isFast || isOfProcess ? 0 : (ulong)PageOf(created.DirectoryAddress, 0),
            PageCount = created.PageCount,
            Flags = isFast || isOfProcess ? 0 : (uint)PvrdmaObjectFlags.PagesInRow,
            Number = (isFast ? 0x2000u : 0x1000u) + _nextHandle,
            Type = (uint)(isFast ? PvrdmaRegionType.FastRegister : isOfProcess ? PvrdmaRegionType.Process : PvrdmaRegionType.Pages),
            Start = created.Start,
            Length = created.Length,
            Access = created.Access,
        });
    }

    private void RememberQueue(in PvrdmaCreateCq created) => Remember(PvrdmaObjectKind.CompletionQueue, new PvrdmaNextObjectResponse
    {
        Handle = _nextHandle,
        FirstPage = (ulong)PageOf(created.DirectoryAddress, 0),
        PageCount = created.PageCount,
        Flags = (uint)PvrdmaObjectFlags.PagesInRow,
        EntryCount = created.EntryCount,
    });

    private void RememberSharedQueue(in PvrdmaCreateSrq created) => Remember(PvrdmaObjectKind.SharedReceiveQueue, new PvrdmaNextObjectResponse
    {
        Handle = _nextHandle,
        PdHandle = created.PdHandle,
        FirstPage = (ulong)PageOf(created.DirectoryAddress, 0),
        PageCount = created.PageCount,
        Flags = (uint)PvrdmaObjectFlags.PagesInRow,
        EntryCount = created.Attributes.MaxWr,
        Capabilities = new PvrdmaQpCapabilities { MaxReceiveSge = created.Attributes.MaxSge },
    });

    private void RememberWindow(in PvrdmaCreateMw created) => Remember(PvrdmaObjectKind.MemoryWindow, new PvrdmaNextObjectResponse
    {
        Handle = _nextHandle, PdHandle = created.PdHandle, Type = created.Type, Number = 0x4200FE + (_nextHandle << 24),
    });

    private void RememberQueuePair(in PvrdmaCreateQp created, uint handle, uint number) => Remember(PvrdmaObjectKind.QueuePair, new PvrdmaNextObjectResponse
    {
        Handle = handle,
        PdHandle = created.PdHandle,
        FirstPage = (ulong)PageOf(created.DirectoryAddress, 0),
        PageCount = created.TotalPageCount,
        Flags = (uint)PvrdmaObjectFlags.PagesInRow | (created.SignalAll != 0 ? (uint)PvrdmaObjectFlags.SignalAll : 0),
        Number = number,
        Type = created.QpType,
        SendCqHandle = created.SendCqHandle,
        ReceiveCqHandle = created.ReceiveCqHandle,
        SrqHandle = created.SrqHandle,
        State = (uint)PvrdmaQpState.ReadyToSend,
        SendPageCount = created.SendPageCount,
        Capabilities = new PvrdmaQpCapabilities
        {
            MaxSendWr = created.MaxSendWr,
            MaxReceiveWr = created.UsesSrq != 0 ? 0 : created.MaxReceiveWr,
            MaxSendSge = created.MaxSendSge,
            MaxReceiveSge = created.UsesSrq != 0 ? 0 : created.MaxReceiveSge,
            MaxInlineBytes = created.MaxInlineBytes,
        },
    });
}
