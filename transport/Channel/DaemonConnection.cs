using System.Text.Json;
using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>A client's connection to a daemon. For one thread at a time.</summary>
public sealed class DaemonConnection : IDisposable
{
    private static readonly TimeSpan ReplyTimeout = TimeSpan.FromSeconds(20);

    private readonly FrameAssembler _frames = new(ChannelProtocol.ReplyBytesMax);
    private readonly List<int> _descriptors = [];
    private readonly byte[] _received = new byte[64 * 1024];
    private UnixSocket? _socket;

    private DaemonConnection(UnixSocket socket, string socketPath)
    {
        _socket = socket;
        SocketPath = socketPath;
    }

    /// <summary>Where the daemon listens.</summary>
    public string SocketPath { get; }

    /// <summary>Connects to the daemon at <paramref name="socketPath"/>, or at <see cref="ChannelProtocol.DefaultSocketPath"/>.</summary>
    /// <exception cref="ChannelException">No daemon listens there, or it may not be reached.</exception>
    public static DaemonConnection Open(string? socketPath = null)
    {
        string path = socketPath ?? ChannelProtocol.DefaultSocketPath();
        try
        {
            return new DaemonConnection(UnixSocket.Connect(path), path);
        }
        catch (SystemCallException e) when (e.Errno is Errno.ENOENT or Errno.ECONNREFUSED)
        {
            throw new ChannelException($"no daemon listens at {path}", e);
        }
        catch (Exception e) when (e is SystemCallException or ArgumentException)
        {
            throw new ChannelException($"cannot connect to the daemon at {path}: {e.Message}", e);
        }
    }

    /// <summary>
    /// Becomes a guest. The connection passes to the channel: its end tells the daemon that the guest is gone. This object is
    /// then of no more use.
    /// </summary>
    /// <exception cref="ChannelRefusedException">The daemon says why not: version, permission, address, memory, name.</exception>
    /// <exception cref="ChannelException">The daemon is gone or makes no sense.</exception>
    public DeviceChannel Attach(AttachRequest request) =>
        BecomeGuest(new DaemonRequest { Type = ChannelProtocol.AttachType, Attach = request }, ChannelMemory.Adopt);

    /// <summary>
    /// Becomes the guest of a device that was restored, once <see cref="DeviceChannel.ConfirmRestored"/> is called; until then the device stays without guest when
    /// this process ends or closes the channel. As <see cref="Attach"/> otherwise.
    /// </summary>
    /// <exception cref="ChannelRefusedException">There is no such device, or somebody has it or is about to.</exception>
    /// <exception cref="RestoredMemoryException">Its memory cannot be this process's.</exception>
    /// <exception cref="ChannelException">The daemon is gone or makes no sense.</exception>
    public DeviceChannel AttachRestored(string device) => BecomeGuest(
        new DaemonRequest { Type = ChannelProtocol.AttachRestoredType, Device = device, Attach = new AttachRequest() }, ChannelMemory.AdoptRestored);

    private delegate ChannelMemory MemoryMapper(ReadOnlySpan<int> descriptors, long guestRamBytes, long controlBytes);

    private DeviceChannel BecomeGuest(DaemonRequest request, MemoryMapper map)
    {
        DaemonReply reply = Ask(request);
        AttachReply attached = reply.Attached ?? throw Nonsense("no device in the reply to an attach");
        if (!System.Net.IPAddress.TryParse(attached.Address, out _) || attached.ControlBytes < Abi.ControlRegion.Bytes)
            throw Nonsense("an impossible device in the reply to an attach");
        if (_descriptors.Count != ChannelProtocol.AttachDescriptorCount)
            throw Nonsense($"{_descriptors.Count} descriptors in the reply to an attach");
        int[] descriptors = [.. _descriptors];
        _descriptors.Clear();
        try
        {
            ChannelMemory memory = map(descriptors, attached.GuestRamBytes, attached.ControlBytes);
            UnixSocket socket = _socket!;
            _socket = null;
            return DeviceChannel.Attach(memory, socket, attached.Name, attached.Address);
        }
        catch (SystemCallException e)
        {
            throw new ChannelException($"cannot map the device's memory: {e.Message}", e);
        }
    }

    /// <summary>The daemon's version, process and addresses.</summary>
    public DaemonInfo GetInfo() => Ask(new DaemonRequest { Type = ChannelProtocol.InfoType }).Info ?? throw Nonsense("no info in its reply");

    /// <summary>All attached devices.</summary>
    public IReadOnlyList<DeviceSummary> ListDevices() =>
        Ask(new DaemonRequest { Type = ChannelProtocol.DevicesType }).Devices ?? throw Nonsense("no devices in its reply");

    /// <summary>Counters and queue pairs of one device, by name or address, or of all.</summary>
    /// <exception cref="ChannelRefusedException">There is no such device.</exception>
    public IReadOnlyList<DeviceReport> GetStatistics(string? device = null) =>
        Ask(new DaemonRequest { Type = ChannelProtocol.StatisticsType, Device = device }).Reports ?? throw Nonsense("no statistics in its reply");

    /// <summary>
    /// Writes the packets of a device (by name or address) or of all devices to <paramref name="output"/> as a pcapng file until
    /// cancelled; then ends the file properly and tells how many packets it has and how many were lost to it.
    /// </summary>
    /// <exception cref="ChannelRefusedException">There is no such device, or too many captures run.</exception>
    /// <exception cref="ChannelException">The daemon died; what came before is in the file.</exception>
    public CaptureSummary Capture(CaptureRequest request, Stream output, CancellationToken cancellation)
    {
        DaemonReply started = Ask(new DaemonRequest { Type = ChannelProtocol.CaptureType, Capture = request });
        if (!started.CaptureStarted)
            throw Nonsense("no capture in its reply");
        UnixSocket socket = _socket!;

        // The daemon ends the capture when this side stops talking, and still gets to say how it went.
        using CancellationTokenRegistration stop = cancellation.Register(socket.ShutdownSend);
        while (true)
        {
            ReadOnlySpan<byte> piece = ReceiveFrame(timeout: null);
            if (piece.IsEmpty)
                break;
            output.Write(piece);
        }
        output.Flush();
        return ParseReply(ReceiveFrame(ReplyTimeout)).Captured ?? throw Nonsense("no summary after a capture");
    }

    /// <summary>
    /// Has a device moved to another daemon. Cancelling calls it off as long as it can be; then the device runs where it was.
    /// </summary>
    /// <param name="request">Which and where to.</param>
    /// <param name="progress">Told now and then how far it is; on the calling thread.</param>
    /// <param name="cancellation">Calls it off.</param>
    /// <exception cref="ChannelRefusedException">It did not move, and runs where it was; the message says why.</exception>
    /// <exception cref="ChannelException">The daemon is gone or makes no sense.</exception>
    public MigrationReport Migrate(MigrateRequest request, Action<MigrationProgress>? progress = null, CancellationToken cancellation = default)
    {
        Send(new DaemonRequest { Type = ChannelProtocol.MigrateType, Migrate = request });
        using CancellationTokenRegistration callOff = cancellation.Register(_socket!.ShutdownSend);
        while (true)
        {
            DaemonReply reply = ParseReply(ReceiveFrame(timeout: null));
            if (reply.Refusal is not null)
                throw new ChannelRefusedException(reply.Refusal);
            if (reply.Migrated is { } report)
                return report;
            if (reply.Migrating is { } told)
                progress?.Invoke(told);
        }
    }

    /// <summary>Saves a device. The caller owns what was saved.</summary>
    /// <exception cref="ChannelRefusedException">It was not saved, and runs as before; the message says why.</exception>
    /// <exception cref="ChannelException">The daemon is gone or makes no sense.</exception>
    public SnapshotReply Snapshot(SnapshotRequest request, out SavedDevice saved)
    {
        DaemonReply reply = Ask(new DaemonRequest { Type = ChannelProtocol.SnapshotType, Snapshot = request }, timeout: null);
        SnapshotReply snapshot = reply.Saved ?? throw Nonsense("no device in the reply to a snapshot");
        int[] descriptors = [.. _descriptors];
        _descriptors.Clear();
        try
        {
            saved = SavedDevice.From(descriptors, snapshot.GuestRamBytes, snapshot.ControlBytes, snapshot.DeviceStateBytes);
        }
        catch (SystemCallException e)
        {
            throw new ChannelException($"cannot map what was saved: {e.Message}", e);
        }
        return snapshot;
    }

    /// <summary>
    /// What <see cref="Snapshot"/> gave of a device that was to stop is kept: the device, which stood still, ends. It goes on when this connection is
    /// closed before.
    /// </summary>
    /// <exception cref="ChannelException">The daemon is gone, and with it the device.</exception>
    public void EndSaved() => _ = Ask(new DaemonRequest { Type = ChannelProtocol.KeptType }, timeout: null);

    /// <summary>Brings a saved device back.</summary>
    /// <exception cref="ChannelRefusedException">It cannot be here; the message says why.</exception>
    /// <exception cref="ChannelException">The daemon is gone or makes no sense.</exception>
    public RestoreReply Restore(RestoreRequest request, SavedDevice saved) =>
        Ask(new DaemonRequest { Type = ChannelProtocol.RestoreType, Restore = request }, timeout: null, saved.Descriptors).Restored
            ?? throw Nonsense("no device in the reply to a restore");

    /// <summary>Lets a restored device go that no guest holds.</summary>
    /// <exception cref="ChannelRefusedException">There is none of that name, or a guest holds it.</exception>
    public void Release(string device) => _ = Ask(new DaemonRequest { Type = ChannelProtocol.ReleaseType, Device = device });

    private DaemonReply Ask(DaemonRequest request) => Ask(request, ReplyTimeout);

    private DaemonReply Ask(DaemonRequest request, TimeSpan? timeout, ReadOnlySpan<int> descriptors = default)
    {
        Send(request, descriptors);
        DaemonReply reply = ParseReply(ReceiveFrame(timeout));
        return reply.Refusal is null ? reply : throw new ChannelRefusedException(reply.Refusal);
    }

    private void Send(DaemonRequest request, ReadOnlySpan<int> descriptors = default)
    {
        UnixSocket socket = _socket ?? throw new ObjectDisposedException(nameof(DaemonConnection));
        ReadOnlySpan<byte> frame = FrameAssembler.Frame(ChannelJson.Write(request with { Version = ChannelProtocol.Version }));
        if (!descriptors.IsEmpty)
            frame = frame[Math.Max(DescriptorPassing.Send(socket.Descriptor, frame, descriptors), 0)..];
        while (!frame.IsEmpty)
        {
            int sent = socket.SendAvailable(frame);
            if (sent == -Errno.EAGAIN)
                WaitFor(PollDescriptor.POLLOUT, ReplyTimeout);
            else if (sent < 0)
                break; // The daemon may have refused already and closed: its reason is still there to be read.
            else
                frame = frame[sent..];
        }
    }

    private DaemonReply ParseReply(ReadOnlySpan<byte> json)
    {
        try
        {
            return ChannelJson.ReadReply(json);
        }
        catch (JsonException e)
        {
            throw new ChannelException($"the daemon at {SocketPath} sent a reply that is not understood: {e.Message}", e);
        }
    }

    private ReadOnlySpan<byte> ReceiveFrame(TimeSpan? timeout)
    {
        Span<int> descriptors = stackalloc int[ChannelProtocol.AttachDescriptorCount];
        while (true)
        {
            if (_frames.TryTake(out ReadOnlySpan<byte> frame))
                return frame;
            if (_frames.OversizedBytes >= 0)
                throw Nonsense($"a message of {_frames.OversizedBytes} bytes");
            WaitFor(PollDescriptor.POLLIN, timeout);
            int received = DescriptorPassing.Receive(_socket!.Descriptor, _received, descriptors, out int descriptorCount);
            _descriptors.AddRange(descriptors[..descriptorCount]);
            if (received == -Errno.EAGAIN)
                continue;
            if (received <= 0)
                throw new ChannelException($"the daemon at {SocketPath} closed the connection");
            _frames.Append(_received.AsSpan(0, received));
        }
    }

    private void WaitFor(short events, TimeSpan? timeout)
    {
        Span<PollDescriptor> descriptor = stackalloc PollDescriptor[1];
        descriptor[0] = new PollDescriptor { Descriptor = _socket!.Descriptor, Events = events };
        long deadline = timeout is { } limit ? Environment.TickCount64 + (long)limit.TotalMilliseconds : long.MaxValue;
        while (Events.Wait(descriptor, timeout is null ? -1 : Math.Max(0, deadline - Environment.TickCount64) * 1_000_000) == 0)
        {
            if (Environment.TickCount64 >= deadline)
                throw new ChannelException($"the daemon at {SocketPath} does not answer");
        }
    }

    private ChannelException Nonsense(string what) => new($"the daemon at {SocketPath} makes no sense: {what}");

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
        foreach (int descriptor in _descriptors)
            _ = Events.Close(descriptor);
        _descriptors.Clear();
    }
}
