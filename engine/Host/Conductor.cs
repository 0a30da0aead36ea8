using System.Collections.Concurrent;
using RoceEngine.Channel;
using RoceEngine.Host.Migration;
using RoceEngine.Interop;

namespace RoceEngine.Host;

/// <summary>
/// The control thread: accepts connections, hears requests, notices the end of guests, and talks to the workers by commands.
/// It owns all connections and the list of guests; nothing of the datapath waits for it.
/// </summary>
internal sealed class Conductor : IDisposable
{
    private const int ClientsMax = 4096;
    private const long CapturePumpNs = 2_000_000;

    private readonly ConcurrentQueue<Action> _news = new();
    private readonly List<ControlClient> _clients = [];
    private readonly UnixListener _listener;
    private readonly PeerPolicy _policy;
    private readonly IHostReporter _reporter;
    private readonly RequestHandler _requests;
    private readonly Thread _thread;
    private readonly int _wake;
    private PollDescriptor[] _descriptors = new PollDescriptor[16];
    private volatile bool _stop;
    private volatile bool _isHurried;
    private volatile int _threadId;

    public Conductor(HostOptions options, UnixListener listener, IReadOnlyList<Worker> workers, DeviceAddresses addresses, IHostReporter reporter)
    {
        _listener = listener;
        _reporter = reporter;
        _policy = new PeerPolicy(Scheduling.GetEffectiveUserId(), options.AllowedUserIds, options.AllowedGroupIds);
        Guests = new GuestTable(options, workers, addresses, reporter, Post);
        Migrations = new MigrationHost(options, workers, Guests, addresses, reporter, Post);
        _requests = new RequestHandler(options, workers, Guests, Migrations, Post);
        _wake = SystemCallException.Check(Events.Create(0, Events.EFD_CLOEXEC | Events.EFD_NONBLOCK), "eventfd");
        _thread = new Thread(Run) { IsBackground = true, Name = "vrdma-conductor" };
    }

    public GuestTable Guests { get; }

    public MigrationHost Migrations { get; }

    public void Start() => _thread.Start();

    /// <summary>Runs an action on the conductor's thread. From any thread.</summary>
    public void Post(Action action)
    {
        _news.Enqueue(action);
        if (Urgency.IsOn && _threadId != 0)
            _isHurried = ThreadScheduling.TrySet(_threadId, ThreadUrgency.RealTime);
        Events.Signal(_wake);
    }

    /// <summary>Closes all devices, tells their guests, and ends the thread. The workers must still run.</summary>
    public void Dispose()
    {
        _stop = true;
        Events.Signal(_wake);
        if (_thread.IsAlive)
            _thread.Join();
        _ = Events.Close(_wake);
    }

    private void Run()
    {
        _threadId = ThreadScheduling.GetThreadId();
        while (!_stop)
        {
            WaitForNews();
            RunNews();
            AcceptAll();
            ServeClients();
        }
        _requests.IsStopping = true;
        while (Migrations.Running > 0)
        {
            // A guest on its way still says where it is.
            WaitForNews();
            RunNews();
            ServeClients();
        }
        Guests.CloseAll();
        _clients.ForEach(client => client.Capture?.Abandon());
        while (Guests.Count > 0 || _requests.Captures > 0)
        {
            WaitForWake();
            RunNews();
        }
        _clients.ForEach(client => client.Dispose());
    }

    private void WaitForNews()
    {
        CalmDown();
        int count = 2 + _clients.Count;
        if (_descriptors.Length < count)
            _descriptors = new PollDescriptor[2 * count];
        _descriptors[0] = new PollDescriptor { Descriptor = _wake, Events = PollDescriptor.POLLIN };
        _descriptors[1] = new PollDescriptor { Descriptor = _stop ? -1 : _listener.Descriptor, Events = PollDescriptor.POLLIN };
        bool captures = false;
        for (int i = 0; i < _clients.Count; i++)
        {
            ControlClient client = _clients[i];
            captures |= client.Capture is not null;

            // A hang-up is reported even where nothing is asked for: a peer that stopped talking is asked no more.
            bool ask = client.Interest != 0;
            _descriptors[2 + i] = new PollDescriptor { Descriptor = ask ? client.Socket.Descriptor : -1, Events = client.Interest };
        }
        if (Events.Wait(_descriptors.AsSpan(0, count), captures ? CapturePumpNs : -1) > 0 && _descriptors[0].ReturnedEvents != 0)
            Events.Drain(_wake);
    }

    private void WaitForWake()
    {
        _descriptors[0] = new PollDescriptor { Descriptor = _wake, Events = PollDescriptor.POLLIN };
        if (Events.Wait(_descriptors.AsSpan(0, 1), -1) > 0)
            Events.Drain(_wake);
    }

    private void RunNews()
    {
        while (_news.TryDequeue(out Action? action))
            action();
    }

    /// <summary>What was urgent is done, and what came of it sent.</summary>
    private void CalmDown()
    {
        if (!_isHurried)
            return;
        _isHurried = false;
        _ = ThreadScheduling.TrySet(0, ThreadUrgency.Brief);
    }

    private void AcceptAll()
    {
        while (_listener.TryAccept() is { } socket)
        {
            ControlClient client;
            try
            {
                client = new ControlClient(socket);
            }
            catch (SystemCallException)
            {
                socket.Dispose();
                continue;
            }
            _clients.Add(client);
            string? reason = _clients.Count > ClientsMax ? $"there are {ClientsMax} connections already" : _policy.Judge(socket);
            if (reason is null)
                continue;
            _reporter.Report(ReportLevel.Warning, $"refused process {client.Peer.ProcessId}: {reason}");
            client.Refuse(reason);
        }
    }

    // Guests first, and those who are about to be: one that ended is on its way out before anybody is told that its name, address or device is taken.
    private void ServeClients()
    {
        ServeClients(areGuests: true);
        ServeClients(areGuests: false);
    }

    private void ServeClients(bool areGuests)
    {
        for (int i = _clients.Count - 1; i >= 0; i--)
        {
            ControlClient client = _clients[i];
            if ((client.Guest is not null || client.Taking is not null) != areGuests)
                continue;
            if (!client.EndOfInput && (!client.IsBusy || client.CallOff is not null))
                client.Receive();
            client.Flush();
            while (client.MayAsk && _requests.ServeNext(client))
            {
                // Each pass takes one request that was received whole.
            }
            ListenToGuest(client);
            client.Capture?.Pump();
            if (client.EndOfInput)
                HandleEnd(client);
            if (!client.MustClose || client.IsBusy || client.IsHeld)
                continue;
            client.Capture?.Abandon();
            client.Coming?.Drop();
            client.Standing?.GoOn();
            GuestTable.GiveUpTaking(client);
            if (client.Guest is { } guest)
                Guests.Detach(guest, "its process ended or closed it");
            client.Dispose();
            _clients.RemoveAt(i);
        }
    }

    private static void ListenToGuest(ControlClient client)
    {
        if (client.Guest?.Move is { } conversation)
        {
            while (client.TryTakeRequest(out ReadOnlySpan<byte> said))
                conversation.OnSaid(said, client.TakeDescriptors());
            if (client.EndOfInput || client.IsBroken)
                conversation.OnEnded();
        }
        else if (client.Guest is not null)
        {
            // A guest whose device does not move has nothing to say, but what it was asked before.
            while (client.TryTakeRequest(out ReadOnlySpan<byte> late))
                _ = !late.IsEmpty && client.TakeAnswer(late[0]);
        }
        else if (client.Coming is { } coming && client.TryTakeRequest(out ReadOnlySpan<byte> signal))
        {
            coming.OnSaid(signal);
        }
    }

    // A guest that stops talking is gone. A tool that stops talking still wants the end of its capture or its answer.
    private static void HandleEnd(ControlClient client)
    {
        if (client.CallOff is { } callOff)
            callOff();
        if (client.Capture is { } capture)
            capture.BeginStop();
        else if (!client.IsBusy)
            client.CloseWhenSent = true;
    }
}
