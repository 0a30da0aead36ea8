using System.Diagnostics;
using EndToEnd.Tests.Support;
using RoceEngine.Launching;
using RoceEngine.Verbs;
using RoceEngine.Vrdma.Demo;

namespace EndToEnd.Tests;

/// <summary>A guest or a daemon is killed; the others notice, and nobody hangs.</summary>
public sealed class GuestAndDaemonDeathTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_killed_guests_device_goes_away_and_the_other_guests_continue()
    {
        await using Daemon daemon = await Daemon.StartAsync("127.14.10.2", "127.14.10.3", "127.14.10.4");
        await using GuestProcess requester = await daemon.StartGuestAsync("127.14.10.2");
        await using GuestProcess responder = await daemon.StartGuestAsync("127.14.10.3");
        await using GuestProcess victim = await daemon.StartGuestAsync("127.14.10.4");
        await Traffic.ConnectAsync(requester, victim);
        await Traffic.RunEverythingAsync(requester, victim);

        Signals.Kill(victim.Id);

        Assert.True(await Signals.EventuallyAsync(() => daemon.Devices().All(d => d.Address != "127.14.10.4")), "the device is still listed");
        await Traffic.ConnectAsync(requester, responder);
        await Traffic.RunEverythingAsync(requester, responder);
        await using GuestProcess successor = await daemon.StartGuestAsync("127.14.10.4");
        await Traffic.ConnectAsync(successor, requester);
        await Traffic.RunEverythingAsync(successor, requester);
        Assert.Equal(3, daemon.Devices().Count);
    }

    [Fact]
    public async Task A_guest_of_a_killed_daemon_ends_with_a_clear_line()
    {
        await using Daemon daemon = await Daemon.StartAsync("127.14.11.2");
        await using ChildProcess guest = ChildProcess.Start(
            "guest", ProgramPath.Find("vrdma"), ["guest", "--socket", daemon.SocketPath, "--address", "127.14.11.2"]);
        await guest.ReadLineAsync(Tool.Patience, Cancellation);

        Signals.Kill(daemon.Id);

        LaunchException ended = await Assert.ThrowsAsync<LaunchException>(() => guest.ReadLineAsync(TimeSpan.FromSeconds(10), Cancellation));
        Assert.Matches(@"^guest \(pid \d+\) ended with exit code 1: vrdma guest: device \S+ is lost: its daemon is gone$", ended.Message);
    }

    [Fact]
    public async Task The_verbs_of_a_lost_device_fail_and_its_waits_end()
    {
        await using Daemon daemon = await Daemon.StartAsync("127.14.12.2");
        using RdmaContext context = RdmaContext.Attach(new AttachOptions { SocketPath = daemon.SocketPath, MemoryBytes = 8 << 20 });
        CompletionQueue completions = context.CreateCompletionQueue(16);
        ProtectionDomain domain = context.AllocateProtectionDomain();
        Task waiting = completions.WaitAsync(Cancellation).AsTask();
        Assert.False(waiting.IsCompleted);

        long begin = Stopwatch.GetTimestamp();
        Signals.Kill(daemon.Id);

        AsyncEvent lost = await context.WaitAsyncEventAsync(Cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(10), Cancellation);
        Assert.Equal(AsyncEventType.DeviceFatal, lost.Type);
        await Assert.ThrowsAsync<DeviceLostException>(() => waiting.WaitAsync(TimeSpan.FromSeconds(10), Cancellation));
        Assert.Throws<DeviceLostException>(() => completions.Poll(new WorkCompletion[1]));
        Assert.Throws<DeviceLostException>(() => domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = completions,
            ReceiveCompletionQueue = completions,
        }));
        Assert.True(Stopwatch.GetElapsedTime(begin) < TimeSpan.FromSeconds(15));
    }
}
