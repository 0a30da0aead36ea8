using System.Runtime.InteropServices;
using RoceEngine.Interop;
using static RoceEngine.Interop.SocketConstants;

namespace Transport.Tests;

public unsafe class InteropCallTests
{
    private static (int Left, int Right) UnixPair()
    {
        int* pair = stackalloc int[2];
        SystemCallException.Check(Sockets.CreatePair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
        return (pair[0], pair[1]);
    }

    private static void Close(params ReadOnlySpan<int> descriptors)
    {
        foreach (int descriptor in descriptors)
            Events.Close(descriptor);
    }

    [Fact]
    public void Memory_passed_over_a_socket_is_the_same_memory()
    {
        (int left, int right) = UnixPair();
        int memfd = SharedMemory.CreateMemfd("shared\0"u8, 8192);
        byte* mine = SharedMemory.MapShared(memfd, 8192);
        mine[5000] = 42;

        Assert.Equal(3, DescriptorPassing.Send(left, "abc"u8, [memfd]));
        var bytes = new byte[16];
        var descriptors = new int[4];
        Assert.Equal(3, DescriptorPassing.Receive(right, bytes, descriptors, out int count));
        Assert.Equal(1, count);
        Assert.Equal("abc"u8.ToArray(), bytes[..3]);
        Assert.NotEqual(memfd, descriptors[0]);
        Assert.Equal(8192, SharedMemory.GetBytes(descriptors[0]));

        byte* theirs = SharedMemory.MapShared(descriptors[0], 8192);
        Assert.Equal(42, theirs[5000]);
        theirs[5001] = 43;
        Assert.Equal(43, mine[5001]);
        Assert.Equal(0, SharedMemory.Unmap(mine, 8192));
        Assert.Equal(0, SharedMemory.Unmap(theirs, 8192));
        Close(left, right, memfd, descriptors[0]);
    }

    [Fact]
    public void Several_descriptors_arrive_in_order_and_surplus_ones_are_closed()
    {
        (int left, int right) = UnixPair();
        int[] memfds = [.. Enumerable.Range(1, 3).Select(i => SharedMemory.CreateMemfd("several\0"u8, i * 4096))];
        Assert.Equal(1, DescriptorPassing.Send(left, "x"u8, memfds));
        var descriptors = new int[2];
        Assert.Equal(1, DescriptorPassing.Receive(right, new byte[1], descriptors, out int count));
        Assert.Equal(2, count);
        Assert.Equal([4096, 8192], descriptors.Select(SharedMemory.GetBytes));
        Close(descriptors);
        Close(memfds);
        Close(left, right);
    }

    [Fact]
    public void A_closed_peer_reads_as_the_end_of_the_stream_and_writes_as_an_error()
    {
        (int left, int right) = UnixPair();
        Close(left);
        Assert.Equal(0, DescriptorPassing.Receive(right, new byte[4], [], out int count));
        Assert.Equal(0, count);
        Assert.Equal(-Errno.EPIPE, DescriptorPassing.Send(right, "x"u8, []));
        Close(right);
    }

    [Fact]
    public void Descriptors_need_a_byte_to_travel_with()
    {
        Assert.Throws<ArgumentException>(() => DescriptorPassing.Send(0, [], [1]));
        Assert.Throws<ArgumentException>(() => DescriptorPassing.Send(0, "x"u8, new int[DescriptorPassing.DescriptorsMax + 1]));
    }

    [Fact]
    public void The_kernel_vouches_for_the_peer()
    {
        (int left, int right) = UnixPair();
        PeerCredentials peer = Sockets.GetPeerCredentials(left);
        Assert.Equal(Environment.ProcessId, peer.ProcessId);
        Assert.Equal(Scheduling.GetEffectiveUserId(), peer.UserId);
        Close(left, right);
    }

    [Fact]
    public void A_sealed_memfd_can_be_neither_shrunk_nor_grown()
    {
        int memfd = SharedMemory.CreateMemfd("sealed\0"u8, 8192);
        const int seals = SharedMemory.F_SEAL_SHRINK | SharedMemory.F_SEAL_GROW | SharedMemory.F_SEAL_SEAL;
        SharedMemory.AddSeals(memfd, seals);
        Assert.Equal(seals, SharedMemory.GetSeals(memfd));
        Assert.Equal(-1, SharedMemory.Truncate(memfd, 4096));
        Assert.Equal(Errno.EPERM, Marshal.GetLastPInvokeError());
        Assert.Equal(-1, SharedMemory.Truncate(memfd, 16384));
        var refused = Assert.Throws<SystemCallException>(() => SharedMemory.AddSeals(memfd, SharedMemory.F_SEAL_SHRINK));
        Assert.Equal(Errno.EPERM, refused.Errno);
        Close(memfd);
    }

    [Fact]
    public void A_failed_call_says_which_and_why()
    {
        var failure = Assert.Throws<SystemCallException>(() => SharedMemory.Duplicate(-1));
        Assert.Equal(Errno.EBADF, failure.Errno);
        Assert.Contains("fcntl", failure.Message, StringComparison.Ordinal);
        Assert.Contains("errno 9", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_duplicate_outlives_the_original()
    {
        int memfd = SharedMemory.CreateMemfd("duplicate\0"u8, 4096);
        int duplicate = SharedMemory.Duplicate(memfd);
        Close(memfd);
        Assert.Equal(4096, SharedMemory.GetBytes(duplicate));
        Close(duplicate);
    }

    [Fact]
    public void A_descriptor_takes_the_place_of_another()
    {
        int first = SharedMemory.CreateMemfd("first\0"u8, 4096);
        int second = SharedMemory.CreateMemfd("second\0"u8, 8192);
        SharedMemory.DuplicateOver(second, first);
        Assert.Equal(8192, SharedMemory.GetBytes(first));
        Assert.Equal(Errno.EBADF, Assert.Throws<SystemCallException>(() => SharedMemory.DuplicateOver(-1, first)).Errno);
        Close(first, second);
    }

    [Fact]
    public void Memory_is_mapped_in_the_place_of_other_memory()
    {
        int first = SharedMemory.CreateMemfd("first\0"u8, 8192);
        int second = SharedMemory.CreateMemfd("second\0"u8, 8192);
        byte* address = SharedMemory.MapShared(first, 8192);
        address[4096] = 1;
        SharedMemory.MapSharedOver(address, second, 8192);
        Assert.Equal(0, address[4096]);
        address[4096] = 2;
        SharedMemory.MapSharedOver(address, first, 8192);
        Assert.Equal(1, address[4096]);
        Assert.Throws<SystemCallException>(() => SharedMemory.MapSharedOver(address, -1, 8192));
        Assert.Equal(0, SharedMemory.Unmap(address, 8192));
        Close(first, second);
    }

    [Fact]
    public void An_event_is_signalled_waited_for_and_drained()
    {
        int descriptor = SystemCallException.Check(Events.Create(0, Events.EFD_CLOEXEC | Events.EFD_NONBLOCK), "eventfd");
        Span<PollDescriptor> polled = [new PollDescriptor { Descriptor = descriptor, Events = PollDescriptor.POLLIN }];
        Assert.Equal(0UL, Events.Drain(descriptor));
        Assert.Equal(0, Events.Wait(polled, 0));
        Assert.True(Events.Signal(descriptor));
        Assert.True(Events.Signal(descriptor));
        Assert.Equal(1, Events.Wait(polled, -1));
        Assert.Equal(PollDescriptor.POLLIN, polled[0].ReturnedEvents);
        Assert.Equal(2UL, Events.Drain(descriptor));
        Assert.Equal(0, Events.Wait(polled, 1_000));
        Close(descriptor);
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(-5, 0, 0)]
    [InlineData(1_500_000_000, 1, 500_000_000)]
    [InlineData(999_999_999, 0, 999_999_999)]
    public void Durations_become_timespecs(long durationNs, long seconds, long nanoseconds)
    {
        TimeSpec time = TimeSpec.FromNanoseconds(durationNs);
        Assert.Equal((seconds, nanoseconds), (time.Seconds, time.Nanoseconds));
    }

    [Fact]
    public void A_thread_can_be_pinned_to_a_cpu_that_it_may_use_and_to_no_other()
    {
        int[] cpus = Scheduling.GetAllowedCpus();
        Assert.NotEmpty(cpus);
        var pinned = false;
        int[] after = [];
        var thread = new Thread(() =>
        {
            pinned = Scheduling.TryPinThread(cpus[0]);
            after = Scheduling.GetAllowedCpus();
        });
        thread.Start();
        thread.Join();
        Assert.True(pinned);
        Assert.Equal([cpus[0]], after);
        Assert.False(Scheduling.TryPinThread(-1));
        Assert.False(Scheduling.TryPinThread(1_000_000));
    }
}
