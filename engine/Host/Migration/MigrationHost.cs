using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.Host.Snapshots;
using RoceEngine.HostStream;
using RoceEngine.Links;
using RoceEngine.Snapshots;
using RoceEngine.Wire;

namespace RoceEngine.Host.Migration;

/// <summary>What migrations need of their host: its options, threads and guests. And the migrations that are under way.</summary>
internal sealed class MigrationHost(HostOptions options, IReadOnlyList<Worker> workers, GuestTable guests, DeviceAddresses addresses, IHostReporter reporter, Action<Action> post)
{
    private readonly CancellationTokenSource _stopping = new();
    private int _running;
    private long _latePackets;

    public HostOptions Options { get; } = options;

    public IReadOnlyList<Worker> Workers { get; } = workers;

    public GuestTable Guests { get; } = guests;

    public DeviceAddresses Addresses { get; } = addresses;

    public IHostReporter Reporter { get; } = reporter;

    public HostThreads Threads { get; } = new(post);

    /// <summary>Runs an action on the conductor's thread.</summary>
    public Action<Action> Post { get; } = post;

    /// <summary>Devices on their way here. The conductor's.</summary>
    public ComingGuests Coming { get; } = new();

    /// <summary>Which snapshots were restored; null when the host remembers nothing.</summary>
    public RestoreLedger? Ledger { get; } = options.StateDirectory is { } directory
        ? new RestoreLedger(directory, sentence => reporter.Report(ReportLevel.Warning, sentence))
        : null;

    /// <summary>Cancelled when the host stops.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Migrations that are under way, in both directions.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>Packets that came for devices that had stopped in order to leave.</summary>
    public long LatePackets => Interlocked.Read(ref _latePackets);

    public void CountLatePackets(long packets) => Interlocked.Add(ref _latePackets, packets);

    /// <summary>Calls off what can be called off.</summary>
    public void Stop() => _stopping.Cancel();

    /// <summary>How to talk to another host.</summary>
    /// <exception cref="MigrationException">This host was not told how.</exception>
    public HostStreamOptions StreamOptions(bool isInsecure)
    {
        StreamSecurity? security = isInsecure
            ? (Options.AllowsInsecureMigration ? StreamSecurity.Insecure : throw new MigrationException("this daemon was not started with --insecure-migration"))
            : Options.MigrationSecurity;
        return new HostStreamOptions
        {
            Security = security ?? throw new MigrationException("this daemon has no certificates for migrations: start it with --tls-ca, --tls-cert and --tls-key, or use --insecure in a lab"),
            ProductVersion = Options.Version,
        };
    }

    /// <summary>A device that came here as bytes, whole: its address is opened, and a worker can take it over.</summary>
    /// <exception cref="Interop.SystemCallException">The address cannot be used here.</exception>
    public DeviceSlot OpenSlot(string name, Gid address, ChannelMemory memory)
    {
        UdpLink link = Addresses.OpenLink(address);
        return DeviceSlot.ForMoved(new DeviceOptions { Name = name, Gid = address }, memory, link, WindowPolicy.LimitBytes(link.ReceiveBufferBytes), Reporter);
    }

    /// <summary>Runs a migration on the thread pool; nothing that goes wrong in it goes farther.</summary>
    public void Run(Func<Task> migration)
    {
        Interlocked.Increment(ref _running);
        _ = Task.Run(async () =>
        {
            try
            {
                await migration().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                Reporter.Report(ReportLevel.Error, $"a migration failed in a way that should not be: {e}");
            }
            finally
            {
                Interlocked.Decrement(ref _running);

                // The conductor may be waiting for the last one.
                Post(() => { });
            }
        });
    }

    /// <summary>Begins a migration that a client asked for. On the conductor's thread.</summary>
    public void Begin(ControlClient client, AttachedGuest guest, MigrateRequest request)
    {
        if (guest.Client is not { } guestClient || guest.IsDetaching)
        {
            client.Refuse($"device '{guest.Name}' has no guest that could go along");
            return;
        }
        if (guest.Move is not null || guest.IsBeingSaved)
        {
            client.Refuse($"device '{guest.Name}' is being moved or saved already");
            return;
        }
        guest.Move = new GuestConversation(guestClient, Post);
        guestClient.IsHeld = true;
        guestClient.AllowBytes(MoveSignals.MessageBytesMax);
        client.IsBusy = true;
        var migration = new OutgoingMigration(this, guest, request, progress => Post(() => client.Send(new DaemonReply { Migrating = progress })));
        var cancellation = CancellationTokenSource.CreateLinkedTokenSource(Stopping);
        client.CallOff = () =>
        {
            if (!migration.IsFinal)
                cancellation.Cancel();
        };
        Run(() => RunAsync(client, guest, guestClient, migration, cancellation));
    }

    /// <summary>Begins to bring a saved device back. On the conductor's thread.</summary>
    public void BeginRestore(ControlClient client, RestoreRequest request)
    {
        client.IsBusy = true;
        var restorer = new SnapshotRestorer(this, request, client.TakeDescriptors(), client.Peer.UserId);
        Run(async () =>
        {
            DaemonReply reply;
            try
            {
                reply = new DaemonReply { Restored = await restorer.RunAsync().ConfigureAwait(false) };
            }
            catch (MigrationException e)
            {
                reply = new DaemonReply { Refusal = e.Message };
            }
            await Threads.OnConductor(() =>
            {
                client.IsBusy = false;
                client.Send(reply);
            }).ConfigureAwait(false);
        });
    }

    /// <summary>The device lives here in this life: what was saved before is older. That this could not be noted does not keep it from living.</summary>
    public void Record(Guid identity, ulong epoch)
    {
        try
        {
            Ledger?.Record(identity, epoch);
        }
        catch (SnapshotException e)
        {
            Reporter.Report(ReportLevel.Warning, $"the life of a device could not be noted: {e.Message}");
        }
    }

    private async Task RunAsync(ControlClient client, AttachedGuest guest, ControlClient guestClient, OutgoingMigration migration, CancellationTokenSource cancellation)
    {
        DaemonReply reply;
        try
        {
            MigrationReport report = await migration.RunAsync(cancellation.Token).ConfigureAwait(false);
            Reporter.Report(ReportLevel.Information, $"device {guest.Name} ({guest.Address}) went to {report.Host} in {report.TotalMs:F1} ms, blackout {report.BlackoutMs:F2} ms");
            reply = new DaemonReply { Migrated = report };
        }
        catch (MigrationException e)
        {
            Reporter.Report(ReportLevel.Warning, $"device {guest.Name} ({guest.Address}) did not move: {e.Message}");
            reply = new DaemonReply { Refusal = e.Message };
        }
        await Threads.OnConductor(() =>
        {
            guest.Move = null;
            guestClient.IsHeld = false;
            client.CallOff = null;
            client.IsBusy = false;
            client.Send(reply);
        }).ConfigureAwait(false);
        cancellation.Dispose();
    }
}
