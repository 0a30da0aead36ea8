using System.Text.Json;
using RoceEngine.Channel;
using RoceEngine.Host.Migration;
using RoceEngine.Host.Snapshots;
using RoceEngine.Wire;
using DeviceReport = RoceEngine.Channel.DeviceReport;

namespace RoceEngine.Host;

/// <summary>What the daemon answers to each request. Bad requests are refused with a reason, and nothing else happens.</summary>
internal sealed class RequestHandler
{
    private const int CapturesMax = 8;

    private readonly HostOptions _options;
    private readonly IReadOnlyList<Worker> _workers;
    private readonly GuestTable _guests;
    private readonly MigrationHost _migrations;
    private readonly Action<Action> _post;
    private readonly long _startedAtMs = Environment.TickCount64;

    public RequestHandler(HostOptions options, IReadOnlyList<Worker> workers, GuestTable guests, MigrationHost migrations, Action<Action> post)
    {
        _options = options;
        _workers = workers;
        _guests = guests;
        _migrations = migrations;
        _post = post;
    }

    /// <summary>Set when the daemon stops: nothing new is begun.</summary>
    public bool IsStopping { get; set; }

    /// <summary>Captures whose taps are in place.</summary>
    public int Captures { get; private set; }

    /// <summary>Serves the client's next request; false when none is there.</summary>
    public bool ServeNext(ControlClient client)
    {
        if (!client.TryTakeRequest(out ReadOnlySpan<byte> json))
        {
            if (client.OversizedBytes >= 0)
                client.Refuse($"the request announces {client.OversizedBytes} bytes; {ChannelProtocol.RequestBytesMax} are allowed");
            return false;
        }
        DaemonRequest request;
        try
        {
            request = ChannelJson.ReadRequest(json);
        }
        catch (JsonException e)
        {
            client.Refuse($"the request is not understood: {e.Message}");
            return true;
        }
        if (IsStopping)
            client.Refuse("the daemon stops");
        else if (request.Version != ChannelProtocol.Version)
            client.Refuse($"the request has protocol version {request.Version}; this daemon speaks version {ChannelProtocol.Version}");
        else
            Serve(client, request);
        return true;
    }

    private void Serve(ControlClient client, DaemonRequest request)
    {
        switch (request.Type)
        {
            case ChannelProtocol.AttachType:
                _guests.Attach(client, request.Attach ?? new AttachRequest());
                break;
            case ChannelProtocol.AttachRestoredType:
                if (TryFind(client, request.Device, out AttachedGuest? restored))
                    _guests.OfferRestored(client, restored, request.Attach ?? new AttachRequest());
                break;
            case ChannelProtocol.ConfirmRestoredType:
                _guests.ConfirmRestored(client);
                break;
            case ChannelProtocol.InfoType:
                client.Send(new DaemonReply { Info = DescribeDaemon() });
                break;
            case ChannelProtocol.DevicesType:
                GatherReports(client, null, reports => new DaemonReply { Devices = [.. reports.Select(report => report.Device)] });
                break;
            case ChannelProtocol.StatisticsType:
                if (TryFind(client, request.Device, out AttachedGuest? guest))
                    GatherReports(client, guest, reports => new DaemonReply { Reports = reports });
                break;
            case ChannelProtocol.CaptureType:
                StartCapture(client, request.Capture ?? new CaptureRequest());
                break;
            case ChannelProtocol.ClaimType:
                if (_migrations.Coming.Find(request.Claim?.Token) is { } coming)
                    coming.Claim(client);
                else
                    client.Refuse("no device is on its way here that this token stands for");
                break;
            case ChannelProtocol.MigrateType:
                if (request.Migrate is not { } migrate)
                    client.Refuse("the request does not say what to migrate where");
                else if (TryFind(client, migrate.Device, out AttachedGuest? moving) && moving is not null)
                    _migrations.Begin(client, moving, migrate);
                break;
            case ChannelProtocol.SnapshotType:
                if (request.Snapshot is not { } snapshot)
                    client.Refuse("the request does not say what to save");
                else if (TryFind(client, snapshot.Device, out AttachedGuest? saved) && saved is not null)
                    SnapshotSession.Begin(_migrations, client, saved, snapshot.Stops);
                break;
            case ChannelProtocol.KeptType:
                if (client.Standing is { } standing)
                    standing.End();
                else
                    client.Refuse("no device waits for this");
                break;
            case ChannelProtocol.RestoreType:
                if (request.Restore is { } restore)
                    _migrations.BeginRestore(client, restore);
                else
                    client.Refuse("the request does not say what to restore");
                break;
            case ChannelProtocol.ReleaseType:
                Release(client, request.Device);
                break;
            default:
                client.Refuse($"'{request.Type}' is not a request that this daemon knows");
                break;
        }
    }

    private void Release(ControlClient client, string? device)
    {
        if (!TryFind(client, device, out AttachedGuest? guest))
            return;
        if (guest is not { AwaitsGuest: true, Taker: null, IsBeingSaved: false })
        {
            client.Refuse(guest is null ? "the request does not say what to release" : $"device '{guest.Name}' is held by a guest, or about to be, or is being saved");
            return;
        }
        _guests.Detach(guest, "it was released");
        client.Send(new DaemonReply { WasReleased = true });
    }

    private DaemonInfo DescribeDaemon() => new()
    {
        Version = _options.Version,
        AbiVersion = ChannelProtocol.AbiVersion,
        ProcessId = Environment.ProcessId,
        Workers = _workers.Count,
        Addresses = [.. _guests.Addresses.Select(address => address.ToString())],
        UptimeMs = Environment.TickCount64 - _startedAtMs,
        LatePackets = _migrations.LatePackets,
    };

    private bool TryFind(ControlClient client, string? device, out AttachedGuest? guest)
    {
        guest = null;
        if (string.IsNullOrEmpty(device))
            return true;
        guest = _guests.Find(device);
        if (guest is null)
            client.Send(new DaemonReply { Refusal = $"there is no device '{device}'" });
        return guest is not null;
    }

    // Each worker describes its own devices between two turns; the last one's answer lets the reply go.
    private void GatherReports(ControlClient client, AttachedGuest? only, Func<IReadOnlyList<DeviceReport>, DaemonReply> makeReply)
    {
        AttachedGuest[] guests = [.. _guests.All.Where(guest => only is null || guest == only)];
        var reports = new DeviceReport?[guests.Length];
        int waiting = _workers.Count;
        client.IsBusy = true;
        foreach (Worker worker in _workers)
        {
            worker.Post(new WorkerCommand(
                (owner, nowNs) => DeviceReports.Describe(owner, guests, reports),
                _ => _post(() =>
                {
                    if (--waiting > 0)
                        return;
                    client.IsBusy = false;
                    client.Send(makeReply([.. reports.OfType<DeviceReport>()]));
                })));
        }
    }

    private void StartCapture(ControlClient client, CaptureRequest request)
    {
        if (!TryFind(client, request.Device, out AttachedGuest? guest))
            return;
        if (Captures == CapturesMax)
        {
            client.Refuse($"{CapturesMax} captures run already");
            return;
        }
        Captures++;
        Gid? address = guest?.Address;
        client.Capture = new CaptureSession(client, _workers, address, _post, () => Captures--);
    }
}
