using System.Net;
using RoceEngine.Embedded;
using RoceEngine.Verbs;

namespace RoceEngine.Host.Tests;

public class EmbeddedTests
{
    [Theory]
    [InlineData(DriveMode.Thread)]
    [InlineData(DriveMode.Inline)]
    public void Two_hosts_exchange_over_udp(DriveMode drive)
    {
        using Endpoint a = Endpoint.Embedded("127.12.1.1", drive);
        using Endpoint b = Endpoint.Embedded("127.12.1.2", drive);
        Endpoint.Connect(a, b);
        foreach (int bytes in new[] { 1, 64, 4096, 65_536, Endpoint.MemoryBytes })
        {
            a.WriteAndVerify(b, bytes, bytes);
            b.WriteAndVerify(a, bytes, bytes + 1);
        }
    }

    [Theory]
    [InlineData(DriveMode.Thread)]
    [InlineData(DriveMode.Inline)]
    public void Two_devices_of_one_host_exchange_by_memory_copy(DriveMode drive)
    {
        using EmbeddedHost host = EmbeddedHost.Create(new EmbeddedHostOptions { Drive = drive });
        using Endpoint a = Endpoint.Embedded("127.12.2.1", host: host);
        using Endpoint b = Endpoint.Embedded("127.12.2.2", host: host);
        Endpoint.Connect(a, b);
        foreach (int bytes in new[] { 1, 64, 4096, 65_536, Endpoint.MemoryBytes })
        {
            a.WriteAndVerify(b, bytes, bytes);
            b.WriteAndVerify(a, bytes, bytes + 1);
        }
    }

    [Fact]
    public void A_device_talks_to_itself()
    {
        using EmbeddedHost host = EmbeddedHost.Create();
        using Endpoint a = Endpoint.Embedded("127.12.3.1", host: host);
        QueuePairAddress address = a.QueuePair.AddressWith(77);
        a.QueuePair.ToInit();
        a.QueuePair.ToReadyToReceive(address);
        a.QueuePair.ToReadyToSend(77);
        a.Memory.Span[0] = 9;
        a.QueuePair.PostSend(
            new SendRequest { Opcode = SendOpcode.Write, Flags = SendFlags.Signaled, RemoteAddress = a.Region.Address + 4096, RemoteKey = a.Region.RemoteKey },
            a.Region.Entry(0, 8));
        Assert.Equal(CompletionStatus.Success, a.Await().Status);
        Assert.Equal(9, a.Memory.Span[4096]);
    }

    [Fact]
    public async Task A_waiting_guest_of_an_inline_host_is_served_although_nobody_polls()
    {
        using Endpoint a = Endpoint.Embedded("127.12.4.1", DriveMode.Inline);
        using Endpoint b = Endpoint.Embedded("127.12.4.2", DriveMode.Inline);
        Endpoint.Connect(a, b);
        using var limit = new CancellationTokenSource(Endpoint.Patience);
        for (int round = 0; round < 5; round++)
        {
            Task waiting = a.Completions.WaitAsync(limit.Token).AsTask();
            a.PostWrite(b, 0, 64);
            await waiting;
            Assert.Equal(CompletionStatus.Success, a.Await().Status);
        }
    }

    [Fact]
    public void A_host_that_is_disposed_leaves_its_guests_lost_and_not_hanging()
    {
        EmbeddedHost host = EmbeddedHost.Create();
        using Endpoint a = Endpoint.Embedded("127.12.5.1", host: host);
        using Endpoint b = Endpoint.Embedded("127.12.5.2", host: host);
        Endpoint.Connect(a, b);
        host.Dispose();
        Assert.True(a.Context.IsLost);
        Assert.Throws<DeviceLostException>(() => a.Await());
        Assert.Throws<DeviceLostException>(() => a.PostWrite(b, 0, 8));
        Assert.True(a.Context.TryGetAsyncEvent(out AsyncEvent fatal));
        Assert.Equal(AsyncEventType.DeviceFatal, fatal.Type);
    }

    [Fact]
    public void A_closed_device_frees_its_address_and_fails_its_peer_alone()
    {
        using EmbeddedHost host = EmbeddedHost.Create();
        using Endpoint a = Endpoint.Embedded("127.12.6.1", host: host);
        using Endpoint bystander = Endpoint.Embedded("127.12.6.3", host: host);
        Endpoint b = Endpoint.Embedded("127.12.6.2", host: host);
        Endpoint.Connect(a, b, timeout: 8);
        a.WriteAndVerify(b, 4096, 1);
        Endpoint gone = b;
        b.Dispose();
        a.QueuePair.PostSend(
            new SendRequest { Opcode = SendOpcode.Write, Flags = SendFlags.Signaled, RemoteAddress = 0, RemoteKey = 1 }, a.Region.Entry(0, 8));
        Assert.Equal(CompletionStatus.RetryExceededError, a.Await().Status);

        using Endpoint again = Endpoint.Embedded("127.12.6.2", host: host);
        Endpoint.Connect(bystander, again);
        bystander.WriteAndVerify(again, 65_536, 3);
    }

    [Theory]
    [InlineData("203.0.113.9")]
    [InlineData("127.12.7.1")]
    public void An_address_that_cannot_be_had_is_named(string address)
    {
        using Endpoint holder = Endpoint.Embedded("127.12.7.1");
        VerbsException refused = Assert.ThrowsAny<VerbsException>(() => EmbeddedRdma.Open(new EmbeddedOptions { Address = IPAddress.Parse(address) }));
        Assert.Contains(address, refused.Message);
    }
}
