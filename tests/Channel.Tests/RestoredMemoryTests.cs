using RoceEngine.Abi;
using RoceEngine.Interop;

namespace RoceEngine.Channel.Tests;

/// <summary>Guest RAM is where another process will have nothing, and is mapped there again or not at all.</summary>
public sealed unsafe class RestoredMemoryTests
{
    private const ulong First = 0x2000_0000_0000;
    private const ulong End = 0x4000_0000_0000;

    [Fact]
    public void Guest_ram_lies_where_kernels_put_nothing_and_never_twice_at_the_same_place()
    {
        var places = new HashSet<nint>();
        for (int i = 0; i < 20; i++)
        {
            using var daemon = new FakeDaemon((_, socket) =>
            {
                FakeDaemon.ReadRequest(socket);
                FakeDaemon.SendMemory(socket).Release();
            });
            using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
            using DeviceChannel channel = connection.Attach(new AttachRequest());
            Assert.InRange((ulong)channel.GuestRam, First, End - (ulong)channel.GuestRamBytes);
            Assert.True(places.Add((nint)channel.GuestRam));
            channel.GuestRam[channel.GuestRamBytes - 1] = 1;
        }
    }

    [Fact]
    public void A_restored_device_has_its_memory_where_it_was_and_is_confirmed_by_one_word()
    {
        const ulong place = 0x3456_7890_0000;
        string? confirmed = null;
        using (var daemon = new FakeDaemon((_, socket) =>
        {
            DaemonRequest request = FakeDaemon.ReadRequest(socket);
            Assert.Equal((ChannelProtocol.AttachRestoredType, "vrdma7", ChannelProtocol.AbiVersion), (request.Type, request.Device, request.Attach!.AbiVersion));
            SendNoted(socket, head => head with { RamAddress = place });
            confirmed = FakeDaemon.ReadRequest(socket).Type;
        }))
        {
            using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
            using DeviceChannel channel = connection.AttachRestored("vrdma7");
            Assert.Equal(place, (ulong)channel.GuestRam);
            channel.ConfirmRestored();
        }
        Assert.Equal(ChannelProtocol.ConfirmRestoredType, confirmed);
    }

    [Fact]
    public void A_place_that_is_taken_is_said_and_nothing_there_is_touched()
    {
        byte* here = SharedMemory.MapAnonymous(1 << 20);
        here[0] = 0x77;
        RestoredMemoryException refusal = Refusal(head => head with { RamAddress = (ulong)here });
        Assert.Equal(Errno.EADDRINUSE, refusal.Errno);
        Assert.Contains($"0x{(ulong)here:x}", refusal.Message);

        // The last page alone is in the way.
        Assert.Equal(Errno.EADDRINUSE, Refusal(head => head with { RamAddress = (ulong)here - (1 << 20) + 4096 }).Errno);
        Assert.Equal(0x77, here[0]);
        _ = SharedMemory.Unmap(here, 1 << 20);
    }

    [Fact]
    public void Notes_that_are_none_or_of_another_version_or_impossible_are_refused()
    {
        Assert.Contains("left no notes", Refusal(_ => default).Message);
        Assert.Contains($"version {GuestLedger.Version + 1}", Refusal(head => head with { Version = GuestLedger.Version + 1 }).Message);
        foreach (ulong address in new ulong[] { 0, 4097, ulong.MaxValue })
            Assert.Equal(Errno.EOPNOTSUPP, Refusal(head => head with { RamAddress = address }).Errno);

        // No address of a process: neither below all that may be mapped nor beyond it.
        foreach (ulong address in new ulong[] { 1ul << 63, 0xFFFF_FFFF_FFFF_F000, 0x7FFF_FFFF_F000 })
            Assert.Equal(Errno.EADDRINUSE, Refusal(head => head with { RamAddress = address }).Errno);
    }

    private static RestoredMemoryException Refusal(Func<GuestLedgerHead, GuestLedgerHead> change)
    {
        using var daemon = new FakeDaemon((_, socket) =>
        {
            FakeDaemon.ReadRequest(socket);
            SendNoted(socket, change);
        });
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        return Assert.Throws<RestoredMemoryException>(() => connection.AttachRestored("vrdma7"));
    }

    private static void SendNoted(UnixSocket socket, Func<GuestLedgerHead, GuestLedgerHead> change)
    {
        ChannelMemory memory = ChannelMemory.Create(1 << 20, ControlRegion.Bytes);
        *(GuestLedgerHead*)memory.GuestRam = change(new GuestLedgerHead { Magic = GuestLedger.Magic, Version = GuestLedger.Version, RamAddress = First });
        FakeDaemon.SendAttached(socket, memory.Descriptors, memory.GuestRamBytes, memory.ControlBytes);
        memory.Release();
    }
}
