using System.Net;

namespace RoceEngine.Vrdma.Demo;

/// <summary>
/// Runs the demo: starts the daemons and the guests, connects QPs between them, has every step run and verified, and ends all that
/// it started.
/// </summary>
internal sealed class Orchestrator(IPAddress firstAddress, IDemoProgress progress)
{
    /// <summary>Starts of a daemon at most, each with other addresses, when its addresses were taken in the meantime.</summary>
    private const int StartTriesMax = 3;

    private readonly AddressPlan _addresses = new(firstAddress);
    private ulong _seed = (ulong)DateTime.UtcNow.Ticks;

    /// <summary>Runs both sections.</summary>
    /// <exception cref="DemoException">A child failed, or a byte differs.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; everything was ended.</exception>
    public async Task<IReadOnlyList<SectionResult>> RunAsync(CancellationToken cancellation)
    {
        using Workspace workspace = new();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await using DaemonProcess one = await StartDaemonAsync(workspace.SocketPath("one"), addressCount: 2, stop.Token);
        await using DaemonProcess two = await StartDaemonAsync(workspace.SocketPath("two"), addressCount: 1, stop.Token);

        Task<IReadOnlyList<SectionResult>> sections = RunSectionsAsync(one, two, workspace.Directory, stop.Token);
        Task daemonEnded = await Task.WhenAny(sections, one.WatchAsync(stop.Token), two.WatchAsync(stop.Token));
        if (daemonEnded == sections)
            return await sections;

        // The daemon's own words explain more than what its guests noticed.
        await stop.CancelAsync();
        await Task.WhenAny(sections);
        await daemonEnded;
        throw new DemoException("a daemon ended");
    }

    private async Task<IReadOnlyList<SectionResult>> RunSectionsAsync(
        DaemonProcess one, DaemonProcess two, string directory, CancellationToken cancellation)
    {
        await using GuestProcess first = await StartGuestAsync(one, one.Addresses[0], directory, cancellation);
        SectionResult overUdp;
        await using (GuestProcess second = await StartGuestAsync(two, two.Addresses[0], directory, cancellation))
        {
            overUdp = await RunSectionAsync($"RoCEv2 over UDP port 4791, two daemons: {first.Address} to {second.Address}", first, second, cancellation);
            await second.QuitAsync(cancellation);
        }

        await using GuestProcess third = await StartGuestAsync(one, one.Addresses[1], directory, cancellation);
        SectionResult local = await RunSectionAsync($"two guests of one daemon, memory copy: {first.Address} to {third.Address}", first, third, cancellation);
        await first.QuitAsync(cancellation);
        await third.QuitAsync(cancellation);
        return [overUdp, local];
    }

    private async Task<DaemonProcess> StartDaemonAsync(string socketPath, int addressCount, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            IPAddress[] addresses = TakeAddresses(addressCount);
            try
            {
                DaemonProcess daemon = await DaemonProcess.StartAsync(socketPath, addresses, cancellation);
                progress.Say($"daemon for {string.Join(" and ", addresses.Select(a => a.ToString()))}: pid {daemon.Id}");
                return daemon;
            }
            catch (DemoException) when (attempt < StartTriesMax && !addresses.All(AddressPlan.IsFree))
            {
                progress.Say($"{string.Join(" or ", addresses.Select(a => a.ToString()))} was taken in the meantime; trying others");
            }
        }
    }

    private IPAddress[] TakeAddresses(int count)
    {
        IPAddress[] addresses = new IPAddress[count];
        for (int i = 0; i < count; i++)
            addresses[i] = _addresses.Take();
        foreach (string note in _addresses.Notes)
            progress.Say(note);
        _addresses.Notes.Clear();
        return addresses;
    }

    private async Task<GuestProcess> StartGuestAsync(DaemonProcess daemon, IPAddress address, string directory, CancellationToken cancellation)
    {
        GuestProcess guest = await GuestProcess.StartAsync(daemon.SocketPath, address, directory, cancellation);
        progress.Say($"guest {address}: pid {guest.Id}, attached to daemon {daemon.Id} by shared memory");
        return guest;
    }

    private async Task<SectionResult> RunSectionAsync(string title, GuestProcess requester, GuestProcess responder, CancellationToken cancellation)
    {
        progress.BeginSection(title, DemoStep.All.Count);
        GuestEnd requesterEnd = await requester.OpenAsync(cancellation);
        GuestEnd responderEnd = await responder.OpenAsync(cancellation);
        await responder.ConnectAsync(requesterEnd, cancellation);
        await requester.ConnectAsync(responderEnd, cancellation);

        List<StepResult> results = [];
        foreach (DemoStep step in DemoStep.All)
        {
            progress.BeginStep(step);
            StepResult result = await RunStepAsync(step, requester, responder, cancellation);
            results.Add(result);
            progress.EndStep(result);
        }

        progress.EndSection();
        return new SectionResult(title, results);
    }

    private async Task<StepResult> RunStepAsync(DemoStep step, GuestProcess requester, GuestProcess responder, CancellationToken cancellation)
    {
        GuestReply latency = await RunPassAsync(step.LatencyPass(_seed++), requester, responder, cancellation);
        double seconds = 0;
        for (int i = 0; i < step.BandwidthPasses; i++)
            seconds += (await RunPassAsync(step.BandwidthPass(_seed++), requester, responder, cancellation)).Seconds;
        long bytes = (long)step.BandwidthPasses * step.Messages * step.Bytes;
        return new StepResult(step, (step.BandwidthPasses + 1) * step.Messages, latency.LatencyMicroseconds, bytes / seconds);
    }

    private static async Task<GuestReply> RunPassAsync(Pass pass, GuestProcess requester, GuestProcess responder, CancellationToken cancellation)
    {
        await responder.PrepareAsync(pass, isRequester: false, cancellation);
        await requester.PrepareAsync(pass, isRequester: true, cancellation);
        GuestReply measured = await requester.RunAsync(pass, cancellation);
        await responder.CheckAsync(pass, isRequester: false, cancellation);
        await requester.CheckAsync(pass, isRequester: true, cancellation);
        return measured;
    }
}
