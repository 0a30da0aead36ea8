using System.Net;
using RoceEngine.Launching;
using RoceEngine.Wire;

namespace RoceEngine.Vrdma.Demo;

/// <summary>
/// Runs the demo: starts the processes, connects QPs between the guests, has every step run and verified, and ends all that it
/// started.
/// </summary>
internal sealed class Orchestrator(IPAddress firstAddress, IDemoProgress progress)
{
    /// <summary>How long after a guest's failure its daemon's end may still show.</summary>
    private static readonly TimeSpan DaemonEndSettling = TimeSpan.FromSeconds(1);

    private ulong _seed = (ulong)DateTime.UtcNow.Ticks;

    /// <summary>Runs both sections.</summary>
    /// <exception cref="DemoException">A child failed, or a byte differs.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; everything was ended.</exception>
    public async Task<IReadOnlyList<SectionResult>> RunAsync(CancellationToken cancellation)
    {
        using Workspace workspace = new();
        await using Cast cast = await Cast.StartAsync(new AddressPlan(firstAddress), workspace.Directory, progress, cancellation);
        IReadOnlyList<SectionResult> sections = await RunWatchedAsync(cast, cancellation);
        await cast.QuitAsync(cancellation);
        return sections;
    }

    /// <summary>Runs the sections, and gives up as soon as a child ends.</summary>
    private async Task<IReadOnlyList<SectionResult>> RunWatchedAsync(Cast cast, CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task<IReadOnlyList<SectionResult>> sections = RunSectionsAsync(cast, stop.Token);
        Task daemonEnd = cast.WatchDaemonsAsync(stop.Token);
        Task guestEnd = cast.WatchGuestsAsync(stop.Token);
        try
        {
            Task first = await Task.WhenAny(sections, daemonEnd, guestEnd);
            if (!sections.IsCompletedSuccessfully && !cancellation.IsCancellationRequested)
            {
                // A daemon's end takes its guests along; its own words explain more than theirs.
                await await Task.WhenAny(daemonEnd, Task.Delay(DaemonEndSettling, cancellation));
                await first;
            }

            return await sections;
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAny(Task.WhenAll(sections, daemonEnd, guestEnd));
        }
    }

    private async Task<IReadOnlyList<SectionResult>> RunSectionsAsync(Cast cast, CancellationToken cancellation)
    {
        GuestProcess requester = cast.Requester;
        GuestProcess remote = cast.RemoteResponder;
        GuestProcess local = cast.LocalResponder;
        SectionResult overUdp = await RunSectionAsync(
            $"RoCEv2 over UDP port {RoceUdp.Port}, two daemons: {requester.Address} to {remote.Address}", requester, remote, cancellation);
        SectionResult byCopy = await RunSectionAsync(
            $"two guests of one daemon, memory copy: {requester.Address} to {local.Address}", requester, local, cancellation);
        return [overUdp, byCopy];
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
        double[] seconds = new double[step.BandwidthPasses];
        for (int i = 0; i < seconds.Length; i++)
            seconds[i] = (await RunPassAsync(step.BandwidthPass(_seed++), requester, responder, cancellation)).Seconds;
        Array.Sort(seconds);
        double bytesPerSecond = (double)step.Messages * step.Bytes / seconds[seconds.Length / 2];
        return new StepResult(step, (step.BandwidthPasses + 1) * step.Messages, latency.LatencyMicroseconds, bytesPerSecond);
    }

    private static async Task<GuestReply> RunPassAsync(Pass pass, GuestProcess requester, GuestProcess responder, CancellationToken cancellation)
    {
        await Task.WhenAll(
            responder.PrepareAsync(pass, isRequester: false, cancellation), requester.PrepareAsync(pass, isRequester: true, cancellation));
        GuestReply measured = await requester.RunAsync(pass, cancellation);
        await Task.WhenAll(
            responder.CheckAsync(pass, isRequester: false, cancellation), requester.CheckAsync(pass, isRequester: true, cancellation));
        return measured;
    }
}
