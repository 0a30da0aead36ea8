using System.Runtime.InteropServices;
using RoceEngine.Channel;
using RoceEngine.Verbs;

namespace RoceEngine.Host.Tests;

// Alone: a test beside it that starts a process hands it, until its exec, a copy of every socket, and with that the ports of guests that ended.
[Collection(nameof(AloneCollection))]
public class DaemonTests
{
    [Fact]
    public void Guests_of_two_daemons_exchange_over_udp()
    {
        using var left = new TestDaemon(["127.12.30.1"]);
        using var right = new TestDaemon(["127.12.30.2"]);
        using Endpoint a = Endpoint.Attached(left.SocketPath);
        using Endpoint b = Endpoint.Attached(right.SocketPath);
        Endpoint.Connect(a, b);
        a.WriteAndVerify(b, 300_000, 1);
        b.WriteAndVerify(a, 300_000, 2);
        using DaemonConnection connection = DaemonConnection.Open(left.SocketPath);
        DeviceReport report = Assert.Single(connection.GetStatistics());
        Assert.True(Counter(report, "udp_tx_datagrams") > 70);
        Assert.True(Counter(report, "tx_bytes") >= 300_000);
        Assert.True(Counter(report, "rx_bytes") >= 300_000);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Guests_of_one_daemon_exchange_on_one_worker_or_two(int workers)
    {
        using var daemon = new TestDaemon(["127.12.31.1", "127.12.31.2"], workers);
        using Endpoint a = Endpoint.Attached(daemon.SocketPath, "127.12.31.2", "second");
        using Endpoint b = Endpoint.Attached(daemon.SocketPath);
        Endpoint.Connect(a, b);
        a.WriteAndVerify(b, 300_000, 1);
        b.WriteAndVerify(a, 300_000, 2);

        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        IReadOnlyList<DeviceReport> reports = connection.GetStatistics();
        Assert.Equal(2, reports.Count);
        bool overUdp = workers > 1;
        Assert.All(reports, report => Assert.Equal(overUdp, Counter(report, "udp_tx_datagrams") > 0));
        Assert.Equal(workers, reports.Select(report => report.Device.Worker).Distinct().Count());
    }

    [Fact]
    public unsafe void Memory_that_a_closed_device_had_is_the_next_devices_and_what_is_written_meanwhile_stays()
    {
        using var daemon = new TestDaemon(["127.12.47.1", "127.12.47.2"]);
        byte* memory = (byte*)NativeMemory.AlignedAlloc(Endpoint.MemoryBytes, 4096);
        using var end = new CancellationTokenSource();
        long* counter = (long*)(memory + Endpoint.MemoryBytes - sizeof(long));
        *counter = 0;
        long counted = 0;
        var writer = new Thread(() =>
        {
            // By its own memory it knows what must be there, also when it waited for pages on their way.
            while (!end.IsCancellationRequested && Interlocked.Increment(ref *counter) == counted + 1)
                counted++;
        });

        // Who may not have userfaultfd must not write meanwhile.
        if (Environment.IsPrivilegedProcess)
            writer.Start();
        try
        {
            for (int i = 1; i <= 20; i++)
            {
                using Endpoint one = Endpoint.Attached(daemon.SocketPath, ownMemory: (nint)memory);
                using Endpoint other = Endpoint.Attached(daemon.SocketPath);
                Endpoint.Connect(other, one);
                other.WriteAndVerify(one, 300_000, i);
            }
        }
        finally
        {
            end.Cancel();
            if (Environment.IsPrivilegedProcess)
                writer.Join();
            Assert.Equal(counted, *counter);
            NativeMemory.AlignedFree(memory);
        }
    }

    [Fact]
    public void Devices_are_listed_with_what_they_hold()
    {
        using var daemon = new TestDaemon(["127.12.32.1", "127.12.32.2"]);
        using Endpoint a = Endpoint.Attached(daemon.SocketPath, "127.12.32.2", "alpha");
        using Endpoint b = Endpoint.Attached(daemon.SocketPath, name: "beta");
        Endpoint.Connect(a, b);
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        IReadOnlyList<DeviceSummary> devices = connection.ListDevices();
        Assert.Equal(["alpha", "beta"], devices.Select(device => device.Name));
        Assert.Equal(["127.12.32.2", "127.12.32.1"], devices.Select(device => device.Address));
        Assert.All(devices, device =>
        {
            Assert.Equal("running", device.State);
            Assert.Equal(8 << 20, device.GuestRamBytes);
            Assert.Equal(Environment.ProcessId, device.ProcessId);
            Assert.Equal((1, 1, 1), (device.QueuePairs, device.CompletionQueues, device.MemoryRegions));
        });

        foreach (string name in new[] { "alpha", "127.12.32.2" })
        {
            DeviceReport report = Assert.Single(connection.GetStatistics(name));
            QueuePairReport queuePair = Assert.Single(report.QueuePairs);
            Assert.Equal(("RC", "RTS", "127.12.32.1"), (queuePair.Type, queuePair.State, queuePair.Destination));
            Assert.Equal(a.QueuePair.Number, queuePair.Number);
            Assert.Equal(b.QueuePair.Number, queuePair.DestinationNumber);
        }
        Assert.Contains("'gamma'", Assert.Throws<ChannelRefusedException>(() => connection.GetStatistics("gamma")).Message);
        Assert.Equal(2, connection.ListDevices().Count);
    }

    [Fact]
    public void A_guest_that_closes_is_torn_down_and_its_neighbours_go_on()
    {
        using var daemon = new TestDaemon(["127.12.33.1", "127.12.33.2", "127.12.33.3"]);
        using Endpoint a = Endpoint.Attached(daemon.SocketPath);
        using Endpoint b = Endpoint.Attached(daemon.SocketPath);
        Endpoint.Connect(a, b);
        for (int round = 0; round < 3; round++)
        {
            using (Endpoint guest = Endpoint.Attached(daemon.SocketPath))
            {
                Assert.Equal("127.12.33.3", guest.Context.Address.ToString());
                guest.QueuePair.ToInit();
            }
            a.WriteAndVerify(b, 100_000, round);
            using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
            Eventually.True(() => connection.ListDevices().Count == 2, "the guest's device is gone");
        }
    }

    [Fact]
    public void A_guest_that_ended_makes_room_at_once_for_the_next_of_its_name_and_address()
    {
        using var daemon = new TestDaemon(["127.12.33.4"]);
        for (int round = 0; round < 200; round++)
        {
            using Endpoint guest = Endpoint.Attached(daemon.SocketPath, round % 2 == 0 ? null : "127.12.33.4", "again");
            Assert.Equal("127.12.33.4", guest.Context.Address.ToString());
        }
        using Endpoint last = Endpoint.Attached(daemon.SocketPath);
        Assert.Contains("in use", Assert.ThrowsAny<VerbsException>(() => Endpoint.Attached(daemon.SocketPath)).Message);
    }

    [Fact]
    public void A_guest_that_closes_in_the_middle_of_traffic_harms_nobody()
    {
        using var daemon = new TestDaemon(["127.12.34.1", "127.12.34.2", "127.12.34.3", "127.12.34.4"]);
        using Endpoint a = Endpoint.Attached(daemon.SocketPath);
        using Endpoint b = Endpoint.Attached(daemon.SocketPath);
        using Endpoint survivor = Endpoint.Attached(daemon.SocketPath);
        Endpoint leaver = Endpoint.Attached(daemon.SocketPath);
        Endpoint.Connect(a, b);
        Endpoint.Connect(survivor, leaver, timeout: 8);
        for (int i = 0; i < 32; i++)
        {
            survivor.PostWrite(leaver, 0, Endpoint.MemoryBytes, (ulong)i);
            leaver.PostWrite(survivor, 0, Endpoint.MemoryBytes, (ulong)i);
        }
        leaver.Dispose();
        a.WriteAndVerify(b, Endpoint.MemoryBytes, 5);
        CompletionStatus last = CompletionStatus.Success;
        for (int i = 0; i < 32; i++)
            last = survivor.Await().Status;
        Assert.True(last is CompletionStatus.Success or CompletionStatus.RetryExceededError or CompletionStatus.FlushError, last.ToString());
        b.WriteAndVerify(a, Endpoint.MemoryBytes, 6);
    }

    [Fact]
    public async Task A_daemon_that_stops_leaves_its_guests_with_a_fatal_event_and_no_hang()
    {
        var daemon = new TestDaemon(["127.12.35.1", "127.12.35.2"]);
        using Endpoint poller = Endpoint.Attached(daemon.SocketPath);
        using Endpoint waiter = Endpoint.Attached(daemon.SocketPath);
        using var limit = new CancellationTokenSource(Endpoint.Patience);
        Task waiting = waiter.Completions.WaitAsync(limit.Token).AsTask();
        daemon.Stop();
        Assert.False(File.Exists(daemon.SocketPath));
        await Assert.ThrowsAsync<DeviceLostException>(() => waiting);
        Assert.Throws<DeviceLostException>(() => poller.Await());
        AsyncEvent fatal = await poller.Context.WaitAsyncEventAsync(limit.Token);
        Assert.Equal(AsyncEventType.DeviceFatal, fatal.Type);
        daemon.Dispose();
    }

    [Fact]
    public void A_daemon_that_slept_wakes_up_for_doorbells_and_for_packets()
    {
        using var left = new TestDaemon(["127.12.36.1"]);
        using var right = new TestDaemon(["127.12.36.2"]);
        using Endpoint a = Endpoint.Attached(left.SocketPath);
        using Endpoint b = Endpoint.Attached(right.SocketPath);
        Endpoint.Connect(a, b);
        for (int i = 0; i < 10; i++)
        {
            Thread.Sleep(20);
            a.WriteAndVerify(b, 4096, i);
        }
    }

    [Fact]
    public void A_second_daemon_at_the_same_socket_or_address_does_not_start()
    {
        using var first = new TestDaemon(["127.12.37.1"]);
        using Endpoint guest = Endpoint.Attached(first.SocketPath);
        HostStartException address = Assert.Throws<HostStartException>(() => new TestDaemon(["127.12.37.1"]));
        Assert.Contains("127.12.37.1", address.Message);
        HostStartException socket = Assert.Throws<HostStartException>(() => RdmaHost.Start(
            new HostOptions { Addresses = [Wire.Gid.From(System.Net.IPAddress.Parse("127.12.37.2"))], SocketPath = first.SocketPath }, SilentReporter.Instance));
        Assert.Contains(first.SocketPath, socket.Message);
        using DaemonConnection connection = DaemonConnection.Open(first.SocketPath);
        Assert.Single(connection.ListDevices());
    }

    [Fact]
    public void Many_guests_come_and_go()
    {
        string[] addresses = [.. Enumerable.Range(1, 8).Select(i => $"127.12.38.{i}")];
        using var daemon = new TestDaemon(addresses, workers: 2);
        for (int round = 0; round < 3; round++)
        {
            Endpoint[] guests = [.. addresses.Select(address => Endpoint.Attached(daemon.SocketPath, address))];
            for (int i = 0; i < guests.Length; i += 2)
            {
                Endpoint.Connect(guests[i], guests[i + 1]);
                guests[i].WriteAndVerify(guests[i + 1], 10_000, i);
            }
            Array.ForEach(guests, guest => guest.Dispose());
            using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
            Eventually.True(() => connection.ListDevices().Count == 0, "all devices are gone");
        }
    }

    private static long Counter(DeviceReport report, string name) => report.Counters.Single(counter => counter.Name == name).Value;
}
