using RoceEngine.Abi;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <summary>
/// One vRDMA device: the PVRDMA device model, with registers and doorbells on one side and packets on the other. It presumes nothing about
/// who its guest is; a process guest and a virtual machine drive the same object. All calls come from one thread.
/// </summary>
/// <remarks>
/// The guest is hostile. Whatever it writes costs only itself: a command that lies is refused, a work request that lies completes with an
/// error, an impossible index ends that queue with an asynchronous event, and a device ring that is destroyed makes the device fatal.
/// No method throws because of what a guest wrote.
/// </remarks>
public sealed unsafe partial class VrdmaDevice : IDisposable
{
    private readonly DeviceCore _core;
    private readonly CommandProcessor _commands;
    private bool _disposed;

    /// <summary>A device that waits for its guest's driver.</summary>
    /// <exception cref="ArgumentException">An option that no device can have.</exception>
    public VrdmaDevice(DeviceOptions options, GuestRam ram, IDeviceEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentException.ThrowIfNullOrEmpty(options.Name);
        options.Limits.Validate();
        if (options.Gid.IsZero)
        {
            throw new ArgumentException("a device needs an address", nameof(options));
        }

        if (!MtuCode.TryFromBytes(options.ActiveMtuBytes, out _))
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.ActiveMtuBytes, "active MTU must be 256, 512, 1024, 2048 or 4096");
        }

        _core = new DeviceCore(options, ram, environment);
        _commands = new CommandProcessor(_core);
        _mac = DeviceIdentity.MacOf(options.Gid);
    }

    /// <summary>The node GUID of a device with this address, as the number whose bytes in memory are in network order.</summary>
    public static ulong NodeGuidOf(in Gid gid) => DeviceIdentity.NodeGuidOf(gid);

    public string Name => _core.Options.Name;

    /// <summary>The device's own address.</summary>
    public Gid Gid => _core.Options.Gid;

    public DeviceOptions Options => _core.Options;

    /// <summary>True once the guest made the device unusable; only disposal is left.</summary>
    public bool IsFatal { get; private set; }

    /// <summary>True between activation and reset.</summary>
    public bool IsActive { get; private set; }

    /// <summary>The extension bits in force.</summary>
    public ExtensionBits Extension => _core.Extension;

    public int QueuePairCount => _core.Objects.QueuePairs.Count;

    public int CompletionQueueCount => _core.Objects.CompletionQueues.Count;

    public int MemoryRegionCount => _core.Objects.Regions.Count;

    public int MemoryWindowCount => _core.Objects.Windows.Count;

    public int SharedReceiveQueueCount => _core.Objects.SharedReceiveQueues.Count;

    /// <summary>Multicast groups that QPs of the device belong to.</summary>
    public int MulticastGroupCount => _core.Multicast.GroupCount;

    public int ProtectionDomainCount => _core.Objects.Domains.Count;

    public int UserContextCount => _core.Objects.Contexts.Count;

    /// <summary>Pages of guest memory that MRs and queues name.</summary>
    public long PinnedPages => _core.Objects.PinnedPages;

    /// <summary>A copy of the counters.</summary>
    public DeviceStatistics Statistics => _core.Statistics;

    /// <summary>What the protocol counted for all QPs of this device; may be read from any thread.</summary>
    public ProtocolCounters ProtocolCounters => _core.Protocol.Counters;

    /// <summary>The earliest time at which <see cref="HandleTimeouts"/> has something to do, ns; long.MaxValue for never.</summary>
    public long NextDeadlineNs => _core.Deadlines.NextDeadlineNs;

    /// <summary>True when <see cref="Transmit"/> has something to do.</summary>
    public bool HasTransmits => !_core.Transmits.IsEmpty;

    /// <summary>
    /// Ends all objects. The guest's control region, when there is one, says that the device is closed. Like all calls it belongs on the
    /// device's thread: its QPs leave the windows of their paths.
    /// </summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        IsActive = false;
        _core.Reset();
        SetDeviceState(DeviceControlPage.StateClosed);
        DetachExtension();
    }

    /// <summary>The guest destroyed something that the device cannot go on without.</summary>
    private void Fail(string text)
    {
        if (IsFatal)
        {
            return;
        }

        IsFatal = true;
        _core.Fault(GuestFault.SharedRegion, 0, text);
        foreach (DeviceQueuePair qp in _core.Objects.QueuePairs.All())
        {
            _core.Failures.MoveToError(qp);
        }

        _core.Failures.Process();
        _core.Events.RaiseEvent(PvrdmaEvent.DeviceFatal, 1);
        _core.Completions.Publish();
        _core.Events.Flush();
        SetDeviceState(DeviceControlPage.StateFatal);
    }
}
