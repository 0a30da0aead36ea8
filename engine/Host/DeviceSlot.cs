using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.Interop;
using RoceEngine.Links;
using RoceEngine.Protocol;
using RoceEngine.Wire;
using DeviceReport = RoceEngine.Device.DeviceReport;
using Path = RoceEngine.Protocol.Path;

namespace RoceEngine.Host;

/// <summary>
/// One device with all that a worker needs to serve it: its link, its shared memory, its mailbox, its paths. Made by whoever
/// attaches the guest, then owned by the worker's thread until it is detached.
/// </summary>
public sealed unsafe class DeviceSlot : IDeviceEnvironment, IPacketReceiver, IPacketSink
{
    private const int AnswerPacketsMax = 128;

    /// <summary>Looks at the socket after a stall.</summary>
    private const int LooksMax = 16;

    private readonly IHostReporter _reporter;
    private readonly DeviceOptions _options;
    private readonly long _windowBytes;
    private Mailbox _mailbox;
    private VrdmaDevice? _device;
    private PathTable? _paths;
    private LocalSwitch? _local;
    private Worker? _worker;
    private GroupMemberships? _groups;
    private bool _isOnWire;
    private WirePollSchedule _wireSchedule;
    private bool _mustFlush;
    private long _emittedBytes;
    private long _receivedBytes;
    private bool _fatalTold;
    private ReportLimit _reportLimit;

    /// <param name="options">The device's name, address and limits.</param>
    /// <param name="memory">Shared with the guest; the slot holds a reference of its own.</param>
    /// <param name="link">The device's packets from and to other hosts; the slot owns it.</param>
    /// <param name="windowBytes">Bytes under way to one destination at most.</param>
    /// <param name="reporter">For the guest's mistakes.</param>
    public DeviceSlot(DeviceOptions options, ChannelMemory memory, ILink link, long windowBytes, IHostReporter reporter)
        : this(options, memory, link, windowBytes, reporter, isMoved: false)
    {
        _device = new VrdmaDevice(options, new GuestRam(memory.GuestRam, memory.GuestRamBytes), this);
        Device.AttachExtension(memory.Control);
    }

    private DeviceSlot(DeviceOptions options, ChannelMemory memory, ILink link, long windowBytes, IHostReporter reporter, bool isMoved)
    {
        Memory = memory;
        Link = link;
        WasMoved = isMoved;
        _options = options;
        _reporter = reporter;
        _windowBytes = windowBytes;
        memory.AddReference();
        _mailbox = new Mailbox(memory.Control);
    }

    /// <summary>A place for a device that comes from elsewhere: it gets its device in <see cref="Worker.Adopt"/>. Parameters as above.</summary>
    public static DeviceSlot ForMoved(DeviceOptions options, ChannelMemory memory, ILink link, long windowBytes, IHostReporter reporter) =>
        new(options, memory, link, windowBytes, reporter, isMoved: true);

    /// <summary>True when the device came from elsewhere, by a migration or out of a snapshot.</summary>
    public bool WasMoved { get; }

    public VrdmaDevice Device => _device ?? throw new InvalidOperationException("the device is not here yet");

    public ChannelMemory Memory { get; }

    public ILink Link { get; }

    public Gid Address => _options.Gid;

    public string Name => _options.Name;

    /// <summary>True once the device threw in its worker's hands, which serves it no more.</summary>
    public bool IsExpelled { get; internal set; }

    /// <inheritdoc/>
    public bool HasRoom => Link.HasRoom && _local!.HasRoom;

    /// <inheritdoc/>
    public int RunPackets(Route route, int payloadBytes) => Link.RunPackets(route, payloadBytes);

    internal PathTable? Paths => _paths;

    /// <inheritdoc/>
    public void Emit(in Packet packet, Route route)
    {
        if (route.IsLocal)
        {
            _local!.Emit(packet, route);
            return;
        }

        if (route.IsMulticast)
            _local!.Emit(packet, route);
        Link.Emit(packet, route);
        _mustFlush = true;
        _emittedBytes += packet.PayloadBytes;
    }

    /// <inheritdoc/>
    public void OnPacket(in Packet packet, in Gid source, in Gid destination)
    {
        // The network gives back to this machine what its devices send to a group; those of this worker have had it already.
        if (_isOnWire && destination.IsMulticast && _local!.IsAttached(source))
            return;
        _worker!.Current = this;
        _receivedBytes += packet.PayloadBytes;
        Device.HandlePacket(packet, source, destination, _worker.NowNs);
    }

    /// <inheritdoc/>
    public bool TryFindPlace(ref Packet run, in Gid source, in Gid destination) => Device.TryFindPlace(ref run, source, destination);

    /// <inheritdoc/>
    public void RaiseInterrupt(int vector)
    {
        if ((uint)vector < 3)
            Events.Signal(Memory.InterruptDescriptor(vector));
    }

    /// <inheritdoc/>
    public Path ResolvePath(in Gid source, in Gid destination, byte trafficClass, byte hopLimit) =>
        _paths!.Resolve(destination, trafficClass, hopLimit);

    /// <inheritdoc/>
    public int JoinMulticast(in Gid group) => _groups!.Join(group);

    /// <inheritdoc/>
    public void LeaveMulticast(in Gid group) => _groups?.Leave(group);

    /// <inheritdoc/>
    public void Report(in DeviceReport report)
    {
        if (_reportLimit.TryPass(_worker?.NowNs ?? 0, out long suppressed))
            ReportPassed(report, suppressed);
    }

    internal void Join(Worker worker, LocalSwitch local)
    {
        _worker = worker;
        _local = local;
        _paths = new PathTable(Address, local, _windowBytes);
        _groups = new GroupMemberships(Address, this, Link, local, worker.DescriptorsChanged);
    }

    /// <summary>Neighbours of the worker reach the device from here on.</summary>
    internal void Open()
    {
        _local!.Attach(Address, this);

        // Not before: until a moved device is taken, the guest's wake-ups are between it and the daemon that it comes from.
        _mailbox.SetNeedWakeup(false);
    }

    internal void Leave()
    {
        _local?.Detach(Address);
        _groups?.LeaveAll();
        _paths?.Clear();
    }

    /// <summary>The device and what belongs to it here, as bytes. Nothing changes.</summary>
    internal byte[] Save(long nowNs) => SlotState.Join(_mailbox.Sequence, Device.SaveState(nowNs).Span);

    /// <summary>Makes the device out of such bytes, after <see cref="Join"/>; it does nothing until it is resumed.</summary>
    /// <exception cref="Protocol.StateException">They are damaged, or of another device.</exception>
    internal void Load(ReadOnlyMemory<byte> state, long nowNs)
    {
        ReadOnlyMemory<byte> device = SlotState.Split(state, out uint sequence);
        var ram = new GuestRam(Memory.GuestRam, Memory.GuestRamBytes);
        _device = VrdmaDevice.FromState(_options, ram, this, Memory.Control, device, nowNs);
        _mailbox.Sequence = sequence;
    }

    /// <summary>A migration came to nothing before the device stood still: it goes on as before.</summary>
    internal void GoOn(long nowNs)
    {
        Device.StopDirtyLog();
        if (Device.IsQuiescing)
            Device.Resume(nowNs);
    }

    /// <summary>The device goes on elsewhere, or not at all: ends it here without a word to the guest.</summary>
    internal void Retire() => _device?.Retire();

    /// <summary>Register writes and doorbells. Returns the work done.</summary>
    internal int Harvest(int doorbellBudget, long nowNs)
    {
        int work = 0;
        if (_mailbox.TryTake(out int offset, out uint value))
        {
            AnswerPeers(nowNs);
            Device.WriteRegister(offset, value, nowNs);
            work = 1;
        }
        return work + Device.HarvestDoorbells(doorbellBudget, nowNs);
    }

    /// <summary>
    /// What peers were promised goes out before a command can take the QP away, or the device goes: a guest that destroys its QP with the last message in
    /// hand must not leave its peer without the acknowledgement of it.
    /// </summary>
    internal void AnswerPeers(long nowNs)
    {
        if (!Device.HasTransmits)
            return;
        _ = Transmit(AnswerPacketsMax, nowNs);
        _ = Flush(nowNs);
    }

    /// <summary>Packets from other hosts, when it is time to look for them.</summary>
    internal int ReceiveFromWire(int packetsMax, long nowNs, bool isBusy)
    {
        if (!_wireSchedule.IsDue(nowNs, isBusy))
            return 0;
        _isOnWire = true;
        _receivedBytes = 0;
        int received = Link.Receive(this, packetsMax);
        _isOnWire = false;
        _wireSchedule.Polled(nowNs, received > 0, _receivedBytes);
        return received;
    }

    /// <summary>All packets from other hosts that wait, within reason: more may come as fast.</summary>
    internal int ReceiveAllFromWire(int packetsPerLook, long nowNs)
    {
        int received = 0;
        for (int look = 0; look < LooksMax; look++)
        {
            _wireSchedule.Force();
            int more = ReceiveFromWire(packetsPerLook, nowNs, isBusy: false);
            if (more == 0)
                break;
            received += more;
        }
        return received;
    }

    /// <summary>The next <see cref="ReceiveFromWire"/> looks at the socket.</summary>
    internal void ForceWirePoll() => _wireSchedule.Force();

    /// <summary>Lets the device send; true when it could send more at once.</summary>
    internal bool Transmit(int packetBudget, long nowNs) => Device.Transmit(this, packetBudget, nowNs);

    /// <summary>Packets emitted since the last flush go out. Returns 1 when there were any.</summary>
    internal int Flush(long nowNs)
    {
        if (!_mustFlush)
            return 0;
        _mustFlush = false;
        Link.Flush();
        _wireSchedule.Sent(nowNs, _emittedBytes);
        _emittedBytes = 0;
        return 1;
    }

    /// <summary>Completions, then the acknowledgement of a register write: whoever sees the latter sees all that it caused. False without news.</summary>
    internal bool Publish()
    {
        bool hasNews = Device.PublishCompletions();
        if (Device.IsFatal && !_fatalTold)
            TellFatal();
        _mailbox.AcknowledgeTaken();
        return hasNews;
    }

    private void ReportPassed(in DeviceReport report, long suppressed)
    {
        string more = suppressed == 0 ? "" : $" (and {suppressed} reports before it were left out)";
        _reporter.Report(ReportLevel.Warning, $"device {Name} ({Address}): {report.Fault} 0x{report.Handle:x}: {report.Text}{more}");
    }

    /// <summary>Shows the datagrams of a UDP link to a capture, or to nobody.</summary>
    internal void SetTap(IPacketTap? tap)
    {
        if (Link is UdpLink link)
            link.Tap = tap;
    }

    internal void SetNeedWakeup(bool needWakeup) => _mailbox.SetNeedWakeup(needWakeup);

    /// <summary>The guest learns that its device failed. All its queues stand still from now on.</summary>
    internal void TellFatal()
    {
        _fatalTold = true;
        _mailbox.SetDeviceState(DeviceControlPage.StateFatal);
        RaiseInterrupt((int)PvrdmaInterruptVector.AsyncEvent);
    }

    /// <summary>The guest learns that the host closed its device.</summary>
    public void TellClosed() => TellEnd(DeviceControlPage.StateClosed);

    /// <summary>The guest learns that its device went back to a snapshot, and is another one.</summary>
    internal void TellReplaced() => TellEnd(DeviceControlPage.StateReplaced);

    private void TellEnd(uint state)
    {
        _mailbox.SetDeviceState(state);
        RaiseInterrupt((int)PvrdmaInterruptVector.AsyncEvent);
        RaiseInterrupt((int)PvrdmaInterruptVector.Response);
        RaiseInterrupt((int)PvrdmaInterruptVector.CompletionNotification);
    }

    /// <summary>Closes the device and its link and lets the memory go. After the worker has detached it.</summary>
    public void Close()
    {
        _device?.Dispose();
        Link.Dispose();
        Memory.Release();
    }
}
