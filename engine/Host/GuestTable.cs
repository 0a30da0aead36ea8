using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.Host.Migration;
using RoceEngine.Interop;
using RoceEngine.Links;
using RoceEngine.Wire;
using System.Net;

namespace RoceEngine.Host;

/// <summary>The guests of a daemon: attaches and detaches them. The conductor's thread only.</summary>
internal sealed partial class GuestTable
{
    private const int NameCharactersMax = 63;

    private readonly HostOptions _options;
    private readonly IReadOnlyList<Worker> _workers;
    private readonly IHostReporter _reporter;
    private readonly Action<Action> _post;
    private readonly AddressPool _addresses;
    private readonly DeviceAddresses _interfaces;
    private readonly HashSet<string> _promisedNames = [];
    private readonly List<AttachedGuest> _guests = [];
    private readonly Queue<(ControlClient Client, AttachRequest Request)> _waiting = new();
    private bool _isClosing;
    private int _nextWorker;
    private int _nextNumber;

    public GuestTable(HostOptions options, IReadOnlyList<Worker> workers, DeviceAddresses interfaces, IHostReporter reporter, Action<Action> post)
    {
        _options = options;
        _workers = workers;
        _reporter = reporter;
        _post = post;
        _interfaces = interfaces;
        _addresses = new AddressPool(options.Addresses);
    }

    public int Count => _guests.Count;

    public IReadOnlyList<AttachedGuest> All => _guests;

    public IReadOnlyList<Gid> Addresses => _addresses.All;

    /// <summary>The device with that name or address.</summary>
    public AttachedGuest? Find(string device) => _guests.Find(guest => guest.Name == device)
        ?? (IPAddress.TryParse(device, out IPAddress? address) ? _guests.Find(guest => guest.Address == Gid.From(address)) : null);

    /// <summary>
    /// Makes a device for the client, or refuses with the reason.
    /// While a device is on its way out, a name or an address that is taken may be that one's: who asks is answered when that one is gone.
    /// </summary>
    public void Attach(ControlClient client, AttachRequest request)
    {
        string? refusal = Check(request);
        if (refusal is null)
            refusal = TryOpenLink(request.Address, out Gid address, out UdpLink? link) ?? TryMake(client, request, address, link!);
        if (refusal is null)
            return;
        if (!_isClosing && _guests.Exists(guest => guest.IsDetaching))
        {
            client.IsBusy = true;
            _waiting.Enqueue((client, request));
            return;
        }
        _reporter.Report(ReportLevel.Warning, $"refused an attach by process {client.Peer.ProcessId}: {refusal}");
        client.Refuse(refusal);
    }

    private string? Check(AttachRequest request)
    {
        if (request.AbiVersion != ChannelProtocol.AbiVersion)
            return $"the guest was built for version {request.AbiVersion} of the shared memory's layout; this daemon has version {ChannelProtocol.AbiVersion}";
        if (request.MemoryBytes < ChannelProtocol.GuestRamBytesMin || request.MemoryBytes > _options.GuestRamBytesMax)
            return $"{request.MemoryBytes} bytes of guest memory: this daemon gives {ChannelProtocol.GuestRamBytesMin} to {_options.GuestRamBytesMax}";
        if (request.Name is not { } name)
            return null;
        return CheckName(name) ?? (IsTaken(name) ? $"a device named '{name}' is attached already" : null);
    }

    private static string? CheckName(string name) =>
        name.Length is 0 or > NameCharactersMax || name.Any(character => char.IsControl(character) || char.IsWhiteSpace(character))
            ? $"a device's name has 1 to {NameCharactersMax} characters, none of them a space or a control character"
            : null;

    private bool IsTaken(string name) => Find(name) is not null || _promisedNames.Contains(name);

    private string? TryOpenLink(string? wanted, out Gid address, out UdpLink? link)
    {
        link = null;
        address = default;
        if (wanted is not null)
        {
            if (!IPAddress.TryParse(wanted, out IPAddress? parsed))
                return $"'{wanted}' is not an IP address";
            address = Gid.From(parsed);
            if (!_addresses.Contains(address))
                return $"{address} is not one of this daemon's addresses";
            if (!_addresses.TryClaim(address))
                return $"{address} is in use by device {Find(wanted)?.Name}";
            return TryBind(address, out link);
        }

        // An address that somebody else took since the daemon started is passed over.
        string? refusal = null;
        var passedOver = new List<Gid>();
        while (link is null && _addresses.TryClaimAny(out address))
        {
            Gid candidate = address;
            string? problem = TryBind(candidate, out link, release: false);
            if (problem is not null)
            {
                refusal = problem;
                passedOver.Add(candidate);
            }
        }
        passedOver.ForEach(_addresses.Release);
        return link is not null ? null : refusal ?? $"all {_addresses.All.Count} addresses of this daemon are in use";
    }

    private string? TryBind(Gid address, out UdpLink? link, bool release = true)
    {
        try
        {
            link = _interfaces.OpenLink(address);
            return null;
        }
        catch (SystemCallException e)
        {
            link = null;
            _interfaces.GiveUp(address);
            if (release)
                _addresses.Release(address);
            return $"{address} cannot be used: {e.Message}";
        }
    }

    private string? TryMake(ControlClient client, AttachRequest request, Gid address, UdpLink link)
    {
        Worker worker = NextWorker();
        ChannelMemory? memory = null;
        AttachedGuest guest;
        try
        {
            memory = ChannelMemory.Create(request.MemoryBytes, Abi.ControlRegion.Bytes);
            var options = new DeviceOptions { Name = request.Name ?? NextName(), Gid = address };
            guest = new AttachedGuest
            {
                Name = options.Name,
                Address = address,
                Slot = new DeviceSlot(options, memory, link, WindowPolicy.LimitBytes(link.ReceiveBufferBytes), _reporter),
                Worker = worker,
                ProcessId = client.Peer.ProcessId,
                UserId = client.Peer.UserId,
            };
        }
        catch (Exception e) when (e is SystemCallException or OutOfMemoryException)
        {
            memory?.Release();
            link.Dispose();
            GiveBack(address);
            return $"no memory for the device: {e.Message}";
        }
        _guests.Add(guest);
        client.IsBusy = true;
        worker.Post(new WorkerCommand((owner, nowNs) => owner.Add(guest.Slot), command => _post(() => FinishAttach(client, guest, memory, command))));
        return null;
    }

    private string NextName()
    {
        string name;
        do
            name = $"vrdma{_nextNumber++}";
        while (IsTaken(name));
        return name;
    }

    private void FinishAttach(ControlClient client, AttachedGuest guest, ChannelMemory memory, WorkerCommand command)
    {
        client.IsBusy = false;
        client.Guest = guest;
        guest.Client = client;
        if (command.Error is { } error)
        {
            Detach(guest, $"it could not be started: {error.Message}");
            client.Refuse($"the device could not be started: {error.Message}");
        }
        else
        {
            var attached = new AttachReply
            {
                Name = guest.Name,
                Address = guest.Address.ToString(),
                GuestRamBytes = memory.GuestRamBytes,
                ControlBytes = memory.ControlBytes,
            };
            _interfaces.Settle(guest.Address);
            string how = guest.Slot.Link is UdpLink link ? link.Description : "no link";
            if (!guest.IsDetaching && client.TrySendWithDescriptors(new DaemonReply { Attached = attached }, memory.Descriptors))
                _reporter.Report(ReportLevel.Information, $"device {guest.Name} attached by process {guest.ProcessId} (user {guest.UserId}), worker {guest.Worker.Index}; {how}");
        }
        memory.Release();
    }

    /// <summary>A device that came from elsewhere.</summary>
    public void Add(AttachedGuest guest)
    {
        _promisedNames.Remove(guest.Name);
        _guests.Add(guest);
        _interfaces.Settle(guest.Address);
    }

    /// <inheritdoc cref="TryReserve(in Gid, Guid, out bool)"/>
    public string? TryReserve(in Gid address, Guid identity) => TryReserve(address, identity, out _);

    /// <summary>Keeps an address for a device that comes from elsewhere. Null, or why it cannot be had; then whether this host has to add it.</summary>
    public string? TryReserve(in Gid address, Guid identity, out bool isMissing)
    {
        isMissing = false;
        Gid wanted = address;
        if (_guests.Find(guest => guest.Identity == identity) is { } same)
            return $"the device lives here already, as '{same.Name}'";
        if (!_addresses.TryBorrow(address))
            return $"{address} is in use there by device {_guests.Find(guest => guest.Address == wanted)?.Name ?? "that is about to come"}";
        if (_interfaces.Check(address, out isMissing) is not { } why)
            return null;
        _addresses.Release(address);
        return $"{address} is not available there: {why}";
    }

    /// <summary>The address is free again, and goes from its interface if this host put it there.</summary>
    public void GiveBack(in Gid address)
    {
        _addresses.Release(address);
        _interfaces.GiveUp(address);
    }

    /// <summary>A name for a device that had this one elsewhere; it is kept for that device until it is added, or <see cref="GiveBackName"/>.</summary>
    /// <exception cref="MigrationException">It is no name.</exception>
    public string NameFor(string wanted)
    {
        if (CheckName(wanted) is { } problem)
            throw new MigrationException(problem);
        string name = IsTaken(wanted) ? NextName() : wanted;
        _promisedNames.Add(name);
        return name;
    }

    /// <summary>The name is not needed.</summary>
    public void GiveBackName(string name) => _promisedNames.Remove(name);

    /// <summary>The worker whose turn it is to take a device.</summary>
    public Worker NextWorker() => _workers[_nextWorker++ % _workers.Count];

    /// <summary>The device lives elsewhere now.</summary>
    public void Forget(AttachedGuest guest, string why)
    {
        _addresses.Release(guest.Address);
        _interfaces.Leave(guest.Address);
        _guests.Remove(guest);
        if (guest.Client is { } client)
        {
            client.Guest = null;
            client.CloseWhenSent = true;
        }
        _reporter.Report(ReportLevel.Information, $"device {guest.Name} ({guest.Address}) is not here any more: {why}");
    }

    /// <summary>The guest ended while its device stood still, or was about to.</summary>
    public void Lose(AttachedGuest guest)
    {
        guest.Move = null;
        Detach(guest, "its process ended while the device was being moved");
    }

    /// <summary>Takes the device away from its worker and then closes it.</summary>
    public void Detach(AttachedGuest guest, string why)
    {
        if (guest.IsDetaching)
            return;
        guest.IsDetaching = true;
        guest.Worker.Post(new WorkerCommand(
            (owner, nowNs) =>
            {
                owner.Remove(guest.Slot);
                guest.Slot.TellClosed();
            },
            _ => _post(() => FinishDetach(guest, why))));
    }

    private void FinishDetach(AttachedGuest guest, string why)
    {
        guest.Slot.Close();
        GiveBack(guest.Address);
        _guests.Remove(guest);
        _reporter.Report(ReportLevel.Information, $"device {guest.Name} ({guest.Address}) detached: {why}");
        AnswerWaiting();
    }

    private void AnswerWaiting()
    {
        for (int left = _waiting.Count; left > 0; left--)
        {
            (ControlClient client, AttachRequest request) = _waiting.Dequeue();
            client.IsBusy = false;
            if (_isClosing)
                client.Refuse("the daemon stops");
            else
                Attach(client, request);
        }
    }

    /// <summary>Detaches all; they are gone when <see cref="Count"/> is 0.</summary>
    public void CloseAll()
    {
        _isClosing = true;
        foreach (AttachedGuest guest in _guests)
            Detach(guest, "the daemon stops");
    }
}
