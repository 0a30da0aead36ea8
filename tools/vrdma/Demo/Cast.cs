using System.Net;
using RoceEngine.Launching;

namespace RoceEngine.Vrdma.Demo;

/// <summary>
/// All processes of a demo: two daemons, a guest of each, and a second guest of the first daemon. Disposing ends them.
/// </summary>
internal sealed class Cast : IAsyncDisposable
{
    /// <summary>Starts at most, each with other addresses, when addresses were taken between the look and the start.</summary>
    private const int TriesMax = 4;

    private readonly List<GuestProcess> _guests = [];
    private readonly List<DaemonProcess> _daemons = [];

    private Cast()
    {
    }

    /// <summary>The requester of both sections, on the first daemon.</summary>
    public GuestProcess Requester => _guests[0];

    /// <summary>A guest on the second daemon.</summary>
    public GuestProcess RemoteResponder => _guests[1];

    /// <summary>Another guest on the first daemon.</summary>
    public GuestProcess LocalResponder => _guests[2];

    /// <summary>Starts everybody, on addresses that are free.</summary>
    /// <exception cref="DemoException">A child did not start, or no addresses are left.</exception>
    public static async Task<Cast> StartAsync(AddressPlan plan, string directory, IDemoProgress progress, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            IPAddress[] addresses = [plan.Take(), plan.Take(), plan.Take()];
            foreach (string note in plan.TakeNotes())
                progress.Say(note);
            Cast cast = new();
            try
            {
                await cast.StartAllAsync(addresses, directory, progress, cancellation);
                return cast;
            }
            catch (Exception failure)
            {
                await cast.DisposeAsync();
                if (failure is not LaunchException || attempt == TriesMax || addresses.All(AddressPlan.IsFree))
                    throw;
                progress.Say($"one of {string.Join(", ", addresses.AsEnumerable())} was taken in the meantime; starting again with others");
            }
        }
    }

    /// <summary>Completes, with the failure, when a daemon ends.</summary>
    public async Task WatchDaemonsAsync(CancellationToken cancellation) =>
        await await Task.WhenAny(_daemons.Select(daemon => daemon.WatchAsync(cancellation)));

    /// <summary>Completes, with the failure, when a guest ends.</summary>
    public async Task WatchGuestsAsync(CancellationToken cancellation) =>
        await await Task.WhenAny(_guests.Select(guest => guest.WatchAsync(cancellation)));

    /// <summary>Asks every guest to end, and checks that it does so in order.</summary>
    public async Task QuitAsync(CancellationToken cancellation)
    {
        foreach (GuestProcess guest in _guests)
            await guest.QuitAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        // All at once: a guest that was not asked to quit waits a while for its daemon's end.
        await Task.WhenAll([
            .. _guests.Select(guest => guest.DisposeAsync().AsTask()),
            .. _daemons.Select(daemon => daemon.DisposeAsync().AsTask()),
        ]);
    }

    private async Task StartAllAsync(IPAddress[] addresses, string directory, IDemoProgress progress, CancellationToken cancellation)
    {
        DaemonProcess one = await StartDaemonAsync(Path.Combine(directory, "one.sock"), [addresses[0], addresses[2]], progress, cancellation);
        DaemonProcess two = await StartDaemonAsync(Path.Combine(directory, "two.sock"), [addresses[1]], progress, cancellation);
        await StartGuestAsync(one, addresses[0], directory, progress, cancellation);
        await StartGuestAsync(two, addresses[1], directory, progress, cancellation);
        await StartGuestAsync(one, addresses[2], directory, progress, cancellation);
    }

    private async Task<DaemonProcess> StartDaemonAsync(
        string socketPath, IPAddress[] addresses, IDemoProgress progress, CancellationToken cancellation)
    {
        DaemonProcess daemon = await DaemonProcess.StartAsync(socketPath, addresses, cancellation);
        _daemons.Add(daemon);
        progress.Say($"daemon for {string.Join(" and ", addresses.AsEnumerable())}: pid {daemon.Id}");
        return daemon;
    }

    private async Task StartGuestAsync(
        DaemonProcess daemon, IPAddress address, string directory, IDemoProgress progress, CancellationToken cancellation)
    {
        GuestProcess guest = await GuestProcess.StartAsync(daemon.SocketPath, address, directory, cancellation);
        _guests.Add(guest);
        progress.Say($"guest {address}: pid {guest.Id}, attached to daemon {daemon.Id} by shared memory");
    }
}
