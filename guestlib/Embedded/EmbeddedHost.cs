using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.Host;
using RoceEngine.Interop;
using RoceEngine.Links;
using RoceEngine.Verbs;
using RoceEngine.Wire;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Embedded;

/// <summary>A host inside this process: one worker whose devices reach each other by memory copy. Safe for concurrent use.</summary>
public sealed class EmbeddedHost : IDisposable
{
    /// <summary>Of the application's own memory; over guest RAM a page directory holds less.</summary>
    private const long RegionBytesMax = 1L << 40;

    private readonly IHostReporter _reporter;
    private readonly Worker _worker;
    private readonly UdpLinkOptions _linkOptions;
    private readonly WorkerThread? _thread;
    private readonly InlineDriver? _driver;
    private readonly Lock _lock = new();
    private readonly Dictionary<DeviceSlot, DeviceChannel> _devices = [];
    private int _nextNumber;
    private bool _disposed;

    private EmbeddedHost(EmbeddedHostOptions options)
    {
        _reporter = options.Explain is { } explain ? new ExplainingReporter(explain) : SilentReporter.Instance;
        _worker = new Worker(0, _reporter);
        _linkOptions = new UdpLinkOptions { UseGso = options.UseGso, UseGro = options.UseGso, LossRate = options.LossRate };
        if (options.Drive == DriveMode.Inline)
        {
            _driver = new InlineDriver(_worker);
            _driver.Start();
        }
        else
        {
            _thread = new WorkerThread(_worker);
            _thread.Start();
        }
    }

    /// <summary>Makes a host without devices.</summary>
    public static EmbeddedHost Create(EmbeddedHostOptions? options = null) => new(options ?? new EmbeddedHostOptions());

    /// <summary>
    /// Lets the devices work for one turn on the calling thread, unless another thread does: what posting and polling do by themselves.
    /// Nothing happens where the host has a thread of its own.
    /// </summary>
    public void Drive() => _driver?.Drive();

    /// <summary>Counters of the UDP links of this host's devices, one for each device, in no order. They go on counting.</summary>
    public IReadOnlyList<UdpLinkStatistics> LinkStatistics
    {
        get
        {
            lock (_lock)
                return [.. _devices.Keys.Select(slot => slot.Link).OfType<UdpLink>().Select(link => link.Statistics)];
        }
    }

    internal DeviceChannel OpenChannel(EmbeddedOptions options, bool disposeHostWithIt)
    {
        Gid address = Gid.From(options.Address);
        if (options.MemoryBytes < ChannelProtocol.GuestRamBytesMin)
            throw new VerbsException(Errno.EINVAL, $"{options.MemoryBytes} bytes of guest memory: at least {ChannelProtocol.GuestRamBytesMin} are needed");
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            string name = options.Name ?? $"vrdma{_nextNumber++}";
            DeviceSlot slot = MakeSlot(name, address, options);
            Action? drive = _driver is null ? null : _driver.Drive;
            Action? announceWait = _driver is null ? null : _driver.CallStandby;
            DeviceChannel channel = DeviceChannel.Embed(
                slot.Memory, name, address.ToString(), drive, () => CloseDevice(slot, disposeHostWithIt), announceWait);
            _devices.Add(slot, channel);
            Execute((worker, _) => worker.Add(slot));
            return channel;
        }
    }

    private DeviceSlot MakeSlot(string name, Gid address, EmbeddedOptions deviceOptions)
    {
        UdpLink? link = null;
        ChannelMemory? memory = null;
        try
        {
            link = deviceOptions.Reservation is { } reservation && reservation.Address.Equals(deviceOptions.Address)
                ? reservation.OpenLink(_linkOptions)
                : new UdpLink(address, _linkOptions);
            memory = ChannelMemory.Create(deviceOptions.MemoryBytes, ControlRegion.Bytes);
            var options = new DeviceOptions
            {
                Name = name,
                Gid = address,
                GuestSharesProcess = true,
                Limits = new DeviceLimits { BytesPerMemoryRegion = RegionBytesMax },
            };
            return new DeviceSlot(options, memory, link, WindowPolicy.LimitBytes(link.ReceiveBufferBytes), _reporter);
        }
        catch (SystemCallException e)
        {
            link?.Dispose();
            throw new VerbsException(e.Errno, $"cannot open a device at {address}: {e.Message}");
        }
        finally
        {
            memory?.Release();
        }
    }

    // The guest closed its end.
    private void CloseDevice(DeviceSlot slot, bool disposeHost)
    {
        lock (_lock)
        {
            if (_devices.Remove(slot))
            {
                Execute((worker, _) => worker.Remove(slot));
                slot.Close();
            }
        }
        if (disposeHost)
            Dispose();
    }

    private void Execute(Action<Worker, long> action)
    {
        using var done = new ManualResetEventSlim();
        var command = new WorkerCommand(action, _ => done.Set());
        _worker.Post(command);
        while (!done.Wait(TimeSpan.FromMilliseconds(_driver is null ? 100 : 0)))
            _driver?.Drive();
        if (command.Error is { } error)
            throw new InvalidOperationException(error.Message, error);
    }

    /// <summary>Closes all devices that are still open: their guests see the device as lost.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
                return;
            _disposed = true;
            KeyValuePair<DeviceSlot, DeviceChannel>[] devices = [.. _devices];
            _devices.Clear();
            foreach ((DeviceSlot slot, DeviceChannel channel) in devices)
            {
                Execute((worker, _) =>
                {
                    worker.Remove(slot);
                    slot.TellClosed();
                });
                channel.MarkLost();
                slot.Close();
            }
        }
        _driver?.Dispose();
        _thread?.Dispose();
        _worker.Dispose();
    }

    private sealed class ExplainingReporter(Action<string> explain) : IHostReporter
    {
        public void Report(ReportLevel level, string message) => explain(message);
    }
}
