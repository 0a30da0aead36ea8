using RoceEngine.Abi;
using RoceEngine.Device;

namespace Device.Tests;

/// <summary>Operations beyond SEND, WRITE, READ and plain atomics, from ring to ring between two devices.</summary>
public sealed unsafe class ExtendedOperationTests
{
    private const ExtensionBits AllBits = ExtensionBits.Inline | ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord
        | ExtensionBits.MemoryWindows | ExtensionBits.ExtendedVerbs;

    private const PvrdmaAccess ReadWrite = PvrdmaAccess.RemoteRead | PvrdmaAccess.RemoteWrite;

    public static TheoryData<bool, bool> Ways => new() { { false, false }, { true, false }, { false, true } };

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_window_lets_a_peer_in_and_its_message_closes_it(bool scattered, bool isLocal)
    {
        using var world = new World(scattered, isLocal);
        uint window = world.CreateWindow(2);
        Assert.Equal((uint)PvrdmaWcOpcode.BindMemoryWindow, world.Bind(window, 4096, 100, ReadWrite).Opcode);

        world.A.Region.Fill(1);
        Assert.Equal(0u, world.Do(world.Rdma(PvrdmaWrOpcode.RdmaWrite, window, 4096), 100).Status);
        Assert.Equal(world.A.Region.ToArray(0, 100), world.B.Region.ToArray(4096, 100));

        world.B.Qp.PostReceive(9, world.B.Region.Sge(0, 64));
        Assert.Equal(0u, world.Do(new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.SendWithInvalidate, ImmediateOrKey = window }, 8).Status);
        PvrdmaCqe received = Assert.Single(world.B.Cq.PollAll());
        Assert.Equal((9ul, 0u, (uint)PvrdmaWcFlags.WithInvalidate, window), (received.WorkRequestId, received.Status, received.Flags, received.ImmediateOrKey));
        Assert.Equal((uint)PvrdmaWcStatus.RemoteAccessError, world.Do(world.Rdma(PvrdmaWrOpcode.RdmaWrite, window, 4096), 1).Status);
    }

    /// <summary>Bind, use and invalidation stand in one queue one behind the other: each finds what the one before left.</summary>
    [Fact]
    public void Local_operations_take_their_turn_in_the_send_queue()
    {
        using var world = new World();
        uint first = world.CreateWindow(2);
        PvrdmaSendWqe bind = world.BindRequest(first, 0, 8, PvrdmaAccess.RemoteRead);
        for (ulong i = 0; i < 10; i++)
        {
            uint key = (first & 0xFFFF_FF00) | (uint)((first + i) & 0xFF);
            Assert.True(world.B.Qp.TryWriteSend(bind with { WorkRequestId = 3 * i, BindKey = key, Flags = Signaled }, []));
            Assert.True(world.B.Qp.TryWriteSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, (3 * i) + 1, world.A, 0) with { SgeCount = 1 }, [world.B.Region.Sge(0, 8)]));
            var invalidate = new PvrdmaSendWqe
            {
                WorkRequestId = (3 * i) + 2, Opcode = (uint)PvrdmaWrOpcode.LocalInvalidate, ImmediateOrKey = key, Flags = Signaled,
            };
            Assert.True(world.B.Qp.TryWriteSend(invalidate, []));
        }

        world.B.Guest.RingSend(world.B.Qp);
        world.Pair.Run();
        List<PvrdmaCqe> done = world.B.Cq.PollAll();
        Assert.All(done, entry => Assert.Equal(0u, entry.Status));
        Assert.Equal(Enumerable.Range(0, 30).Select(i => (ulong)i), done.Select(entry => entry.WorkRequestId));
        uint[] opcodes = [(uint)PvrdmaWcOpcode.BindMemoryWindow, (uint)PvrdmaWcOpcode.RdmaWrite, (uint)PvrdmaWcOpcode.LocalInvalidate];
        Assert.Equal(Enumerable.Range(0, 30).Select(i => opcodes[i % 3]), done.Select(entry => entry.Opcode));
    }

    [Fact]
    public void A_failed_bind_ends_the_queue_pair_with_its_own_status()
    {
        using var world = new World();
        PvrdmaCqe failed = world.DoOn(world.B, world.BindRequest(world.CreateWindow(1) ^ 0x100, 0, 8, ReadWrite));
        Assert.Equal((uint)PvrdmaWcStatus.MemoryWindowBindError, failed.Status);
        Assert.Equal((uint)PvrdmaQpState.Error, world.B.Qp.Query().State);
    }

    [Fact]
    public void A_message_that_takes_away_what_it_may_not_fails_on_both_sides()
    {
        using var world = new World();
        world.B.Qp.PostReceive(1, world.B.Region.Sge(0, 64));
        var send = new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.SendWithInvalidate, ImmediateOrKey = world.B.Region.Key };
        Assert.Equal((uint)PvrdmaWcStatus.RemoteAccessError, world.Do(send, 8).Status);
        Assert.NotEqual(0u, Assert.Single(world.B.Cq.PollAll()).Status);
        Assert.Equal((uint)PvrdmaQpState.Error, world.B.Qp.Query().State);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_fast_registration_is_open_to_the_peer_until_it_is_invalidated(bool scattered, bool isLocal)
    {
        using var world = new World(scattered, isLocal);
        TestGuest guest = world.B.Guest;
        var create = new PvrdmaCreateMr { PdHandle = world.B.Domain, Flags = PvrdmaMrFlags.FastRegister, PageCount = 4 };
        Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.CreateMr, create, out PvrdmaCreateMrResponse region));
        ulong[] pages = guest.Memory.AllocatePages(4);
        var register = new PvrdmaSendWqe
        {
            Opcode = (uint)PvrdmaWrOpcode.FastRegisterMr,
            FastRegisterIova = 0x5_0000_0800,
            FastRegisterDirectoryAddress = guest.Memory.Directory(pages),
            FastRegisterPageShift = 12,
            FastRegisterPageCount = 4,
            FastRegisterLength = 8192,
            FastRegisterAccess = (uint)(PvrdmaAccess.LocalWrite | ReadWrite),
            FastRegisterRemoteKey = region.RemoteKey,
        };
        PvrdmaCqe registered = world.DoOn(world.B, register);
        Assert.Equal((0u, (uint)PvrdmaWcOpcode.FastRegisterMr), (registered.Status, registered.Opcode));
        world.A.Region.Fill(9);
        var write = new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.RdmaWrite, RemoteAddress = 0x5_0000_0800, RdmaRemoteKey = region.RemoteKey };
        Assert.Equal(0u, world.Do(write, 8192).Status);
        byte[] arrived = [.. Enumerable.Range(0x800, 8192).Select(i => *(guest.Memory.At(pages[i / 4096]) + (i % 4096)))];
        Assert.Equal(world.A.Region.ToArray(0, 8192), arrived);

        var invalidate = new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.LocalInvalidate, ImmediateOrKey = region.RemoteKey };
        PvrdmaCqe invalidated = world.DoOn(world.B, invalidate);
        Assert.Equal((0u, (uint)PvrdmaWcOpcode.LocalInvalidate), (invalidated.Status, invalidated.Opcode));
        Assert.Equal((uint)PvrdmaWcStatus.RemoteAccessError, world.Do(write, 8).Status);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Masked_atomics_act_on_the_bits_named(bool scattered, bool isLocal)
    {
        using var world = new World(scattered, isLocal);
        ref ulong word = ref *(ulong*)world.B.Region.At(512);
        word = 0x1111_2222_3333_4444;
        var swap = new PvrdmaSendWqe
        {
            Opcode = (uint)PvrdmaWrOpcode.MaskedAtomicCompareSwap,
            RemoteAddress = world.B.Region.Start + 512,
            MaskedLogArgumentBytes = 3,
            MaskedRemoteKey = world.B.Region.Key,
            MaskedSwapOrAdd = 0xAAAA_BBBB_CCCC_DDDD,
            MaskedCompareOrBoundary = 0xFFFF_FFFF_FFFF_4444,
            MaskedSwapMask = 0xFFFF_0000_0000_0000,
            MaskedCompareMask = 0xFFFF,
        };
        PvrdmaCqe swapped = world.Do(swap, 8);
        Assert.Equal((0u, (uint)PvrdmaWcOpcode.MaskedCompareSwap, 8u), (swapped.Status, swapped.Opcode, swapped.ByteLength));
        Assert.Equal((0x1111_2222_3333_4444ul, 0xAAAA_2222_3333_4444ul), (*(ulong*)world.A.Region.At(0), word));

        // Two fields of 32 bits: no carry from the lower into the upper.
        word = 0x0000_0001_FFFF_FFFF;
        PvrdmaSendWqe add = swap with
        {
            Opcode = (uint)PvrdmaWrOpcode.MaskedAtomicFetchAdd, MaskedSwapOrAdd = 0x0000_0001_0000_0001, MaskedCompareOrBoundary = 0x8000_0000_8000_0000,
        };
        PvrdmaCqe added = world.Do(add, 8);
        Assert.Equal((0u, (uint)PvrdmaWcOpcode.MaskedFetchAdd), (added.Status, added.Opcode));
        Assert.Equal((0x0000_0001_FFFF_FFFFul, 0x0000_0002_0000_0000ul), (*(ulong*)world.A.Region.At(0), word));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Atomic_write_and_flush(bool scattered, bool isLocal)
    {
        using var world = new World(scattered, isLocal, PvrdmaAccess.FlushGlobal | PvrdmaAccess.FlushPersistent);
        *(ulong*)world.A.Region.At(0) = 0x0123_4567_89AB_CDEF;
        PvrdmaCqe written = world.Do(world.Rdma(PvrdmaWrOpcode.AtomicWrite, world.B.Region.Key, 1024), 8);
        Assert.Equal((0u, (uint)PvrdmaWcOpcode.AtomicWrite), (written.Status, written.Opcode));
        Assert.Equal(0x0123_4567_89AB_CDEFul, *(ulong*)world.B.Region.At(1024));
        foreach (uint options in new uint[] { 1, 2, 3, 0x11 })
        {
            PvrdmaSendWqe flush = world.Rdma(PvrdmaWrOpcode.Flush, world.B.Region.Key, 1024) with { FlushLength = 64, FlushOptions = options };
            PvrdmaCqe flushed = world.Do(flush, 0);
            Assert.Equal((0u, (uint)PvrdmaWcOpcode.Flush), (flushed.Status, flushed.Opcode));
        }

        PvrdmaSendWqe beyond = world.Rdma(PvrdmaWrOpcode.Flush, world.B.Region.Key, 65_000) with { FlushLength = 1000, FlushOptions = 1 };
        Assert.Equal((uint)PvrdmaWcStatus.RemoteAccessError, world.Do(beyond, 0).Status);
    }

    [Fact]
    public void A_flush_needs_the_rights_of_queue_pair_and_region()
    {
        using var world = new World(false, false, PvrdmaAccess.FlushGlobal);
        PvrdmaSendWqe flush = world.Rdma(PvrdmaWrOpcode.Flush, world.B.Region.Key, 0) with { FlushLength = 64, FlushOptions = 2 };
        Assert.NotEqual(0u, world.Do(flush, 0).Status);
    }

    private const uint Signaled = (uint)PvrdmaSendFlags.Signaled;

    /// <summary>A connection from A to B; B has a region that peers may use, and that windows may open.</summary>
    private sealed class World : IDisposable
    {
        public World(bool scattered = false, bool isLocal = false, PvrdmaAccess more = PvrdmaAccess.None)
        {
            PvrdmaAccess access = ReadWrite | PvrdmaAccess.RemoteAtomic | more;
            Pair = new DevicePair(new GuestOptions { Extension = AllBits, Scattered = scattered, IsLocal = isLocal });
            A = new DevicePair.Endpoint(Pair.A, 65536, 0x1000_0000, access);
            B = new DevicePair.Endpoint(Pair.B, 65536, 0x2000_0000, access);
            foreach ((DevicePair.Endpoint here, DevicePair.Endpoint there) in new[] { (A, B), (B, A) })
            {
                here.Qp.ToInit(access);
                here.Qp.ToReadyToReceive(there.Guest.Device.Gid, there.Qp.Qpn);
                here.Qp.ToReadyToSend();
            }
        }

        public DevicePair Pair { get; }

        public DevicePair.Endpoint A { get; }

        public DevicePair.Endpoint B { get; }

        public uint CreateWindow(uint type)
        {
            var request = new PvrdmaCreateMw { PdHandle = B.Domain, Type = type };
            Assert.Equal(PvrdmaCommandError.None, B.Guest.Command(PvrdmaCommand.CreateMw, request, out PvrdmaCreateMwResponse response));
            return response.RemoteKey;
        }

        public PvrdmaSendWqe BindRequest(uint key, int offset, uint bytes, PvrdmaAccess access) => new()
        {
            Opcode = (uint)PvrdmaWrOpcode.BindMemoryWindow,
            BindKey = key,
            BindRegionKey = B.Region.Key,
            BindAddress = B.Region.Start + (ulong)offset,
            BindLength = bytes,
            BindAccess = (uint)access,
        };

        public PvrdmaCqe Bind(uint key, int offset, uint bytes, PvrdmaAccess access)
        {
            PvrdmaCqe bound = DoOn(B, BindRequest(key, offset, bytes, access));
            Assert.Equal(0u, bound.Status);
            return bound;
        }

        /// <summary>A request of A to a key of B.</summary>
        public PvrdmaSendWqe Rdma(PvrdmaWrOpcode opcode, uint key, int offset) =>
            new() { Opcode = (uint)opcode, RemoteAddress = B.Region.Start + (ulong)offset, RdmaRemoteKey = key };

        /// <summary>Posts on A with so many bytes of its region; the completion.</summary>
        public PvrdmaCqe Do(PvrdmaSendWqe request, int bytes) => DoOn(A, request, bytes);

        public PvrdmaCqe DoOn(DevicePair.Endpoint end, PvrdmaSendWqe request, int bytes = 0)
        {
            request.Flags |= Signaled;
            ReadOnlySpan<PvrdmaSge> entries = bytes == 0 ? [] : [end.Region.Sge(0, bytes)];
            end.Qp.PostSend(request, entries);
            Pair.Run();
            return Assert.Single(end.Cq.PollAll());
        }

        public void Dispose() => Pair.Dispose();
    }
}
