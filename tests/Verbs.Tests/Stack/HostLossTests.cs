using RoceEngine.Embedded;

namespace RoceEngine.Verbs.Tests;

/// <summary>The host goes away under its guests.</summary>
public sealed class HostLossTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [Theory]
    [InlineData(DriveMode.Thread)]
    [InlineData(DriveMode.Inline)]
    public async Task Guests_of_a_host_that_closes_get_an_error_and_never_hang(DriveMode drive)
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        EmbeddedHost host = EmbeddedHost.Create(new EmbeddedHostOptions { Drive = drive });
        using RdmaContext context = EmbeddedRdma.Open(new EmbeddedOptions { Address = Duo.NextAddress(), MemoryBytes = 16 << 20, Host = host });
        using RdmaContext peer = EmbeddedRdma.Open(new EmbeddedOptions { Address = Duo.NextAddress(), MemoryBytes = 16 << 20, Host = host });
        using var end = new Endpoint(context, new EndpointOptions());
        using var other = new Endpoint(peer, new EndpointOptions());
        end.ConnectTo(other.Address);
        Task[] sleepers = [end.SendQueue.WaitAsync(token).AsTask(), end.Channel.GetEventAsync(token).AsTask()];
        Task<AsyncEvent> events = context.WaitAsyncEventAsync(token).AsTask();
        host.Dispose();
        foreach (Task sleeper in sleepers)
        {
            await Assert.ThrowsAsync<DeviceLostException>(() => sleeper.WaitAsync(Patience, token));
        }

        Assert.Equal(AsyncEventType.DeviceFatal, (await events.WaitAsync(Patience, token)).Type);
        Action[] verbs =
        [
            () => end.SendQueue.Poll(new WorkCompletion[1]),
            () => end.Post(SendOpcode.Send, 0, 8),
            () => end.Receive(0, 0, 8),
            () => end.QueuePair.Query(),
            () => context.QueryPort(),
            () => end.SendQueue.RequestNotification(),
        ];
        Assert.All(verbs, verb => Assert.Equal(Errno.NoDevice, Assert.Throws<DeviceLostException>(verb).Errno));
        Assert.True(context.IsLost);

        // Memory stays readable until the context is closed.
        Assert.Equal(8, end.Bytes(0, 8).Length);
    }

    [Fact]
    public void Two_devices_cannot_have_one_address()
    {
        var options = new EmbeddedOptions { Address = Duo.NextAddress(), MemoryBytes = 16 << 20 };
        using RdmaContext first = EmbeddedRdma.Open(options);
        var refused = Assert.Throws<VerbsException>(() => EmbeddedRdma.Open(options));
        Assert.Contains(options.Address.ToString(), refused.Message, StringComparison.Ordinal);
    }
}
