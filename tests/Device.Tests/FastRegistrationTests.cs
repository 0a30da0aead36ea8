using RoceEngine.Abi;
using RoceEngine.Protocol;
using static Device.Tests.KeyWorld;

namespace Device.Tests;

/// <summary>Regions that get their pages by a work request and lose them by an invalidation.</summary>
public sealed unsafe class FastRegistrationTests
{
    private const PvrdmaAccess ReadWrite = PvrdmaAccess.LocalWrite | PvrdmaAccess.RemoteRead | PvrdmaAccess.RemoteWrite;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_registration_opens_the_pages_until_it_is_invalidated(bool scattered)
    {
        using var world = new KeyWorld(scattered);
        (uint handle, uint key) = world.CreateFastRegion();
        ulong[] pages = world.Guest.Memory.AllocatePages(4);
        const ulong Start = 0x7000_0000_0100;
        for (int round = 0; round < 300; round++)
        {
            Assert.True(Local(world.Qp, key, Start, 1) == null);
            key = NextTag(key);
            Assert.Equal(CompletionStatus.Success, Register(world, key, pages, Start, 12_000));
            Assert.True(Remote(world.Qp, key, Start, 1) == world.Guest.Memory.At(pages[0]) + 0x100);
            Assert.True(Remote(world.Other, key, Start + 8000, 1, AccessFlags.RemoteWrite) == world.Guest.Memory.At(pages[2]) + 0x100 + 8000 - 8192);
            Assert.True(Local(world.Qp, key, Start + 11_999, 1, AccessFlags.LocalWrite) != null);
            Assert.True(Remote(world.Qp, key, Start + 12_000, 1) == null);
            Assert.Equal(CompletionStatus.MemoryWindowBindError, Register(world, NextTag(key), pages, Start, 12_000));
            if (round % 2 == 0)
            {
                Assert.Equal(CompletionStatus.Success, Invalidate(world.Qp, key));
                Assert.Equal(CompletionStatus.Success, Invalidate(world.Qp, key));
            }
            else
            {
                Assert.True(InvalidateRemotely(world.Other, key));
                Assert.False(InvalidateRemotely(world.Other, key));
            }
        }

        Assert.Equal(PvrdmaCommandError.None, world.Guest.Destroy(PvrdmaCommand.DestroyMr, handle));
        Assert.Equal(CompletionStatus.MemoryWindowBindError, Register(world, key, pages, Start, 12_000));
    }

    [Fact]
    public void A_registration_without_rights_for_peers_cannot_be_taken_away_by_one()
    {
        using var world = new KeyWorld();
        uint key = world.CreateFastRegion().Key;
        ulong[] pages = world.Guest.Memory.AllocatePages(1);
        Assert.Equal(CompletionStatus.Success, Register(world, key, pages, 0, 100, PvrdmaAccess.LocalWrite));
        Assert.False(InvalidateRemotely(world.Qp, key));
        Assert.Equal(CompletionStatus.Success, Invalidate(world.Qp, key));
    }

    [Fact]
    public void A_window_over_it_holds_it()
    {
        using var world = new KeyWorld();
        uint key = world.CreateFastRegion().Key;
        ulong[] pages = world.Guest.Memory.AllocatePages(1);
        Register(world, key, pages, 0, 4096, ReadWrite | PvrdmaAccess.WindowBind);
        uint window = world.CreateWindow(2).Key;
        var bind = new PvrdmaSendWqe
        {
            Opcode = (uint)PvrdmaWrOpcode.BindMemoryWindow, BindKey = window, BindRegionKey = key, BindLength = 8, BindAccess = (uint)PvrdmaAccess.RemoteRead,
        };
        Assert.Equal(CompletionStatus.Success, Execute(world.Qp, bind));
        Assert.Equal(CompletionStatus.MemoryWindowBindError, Invalidate(world.Qp, key));
        Assert.False(InvalidateRemotely(world.Qp, key));
        Assert.Equal(CompletionStatus.Success, Invalidate(world.Qp, window));
        Assert.Equal(CompletionStatus.Success, Invalidate(world.Qp, key));
    }

    public static TheoryData<string> Lies => ["key unknown", "a region's key", "another domain", "page size", "no pages", "more pages than allocated",
        "fewer pages than the range", "length 0", "start wraps", "write without local write", "unknown right", "directory outside", "page outside"];

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_registration_that_lies_is_an_error_and_opens_nothing(string lie)
    {
        using var world = new KeyWorld();
        uint key = world.CreateFastRegion(pages: 4).Key;
        ulong[] pages = world.Guest.Memory.AllocatePages(8);
        ulong directory = world.Guest.Memory.Directory(pages);
        var request = new PvrdmaSendWqe
        {
            Opcode = (uint)PvrdmaWrOpcode.FastRegisterMr,
            FastRegisterIova = 0x5000,
            FastRegisterDirectoryAddress = directory,
            FastRegisterPageShift = 12,
            FastRegisterPageCount = 4,
            FastRegisterLength = 4 * 4096,
            FastRegisterAccess = (uint)ReadWrite,
            FastRegisterRemoteKey = key,
        };
        switch (lie)
        {
            case "key unknown": request.FastRegisterRemoteKey ^= 0x100; break;
            case "a region's key": request.FastRegisterRemoteKey = world.Guest.CreateRegion(world.Domain, 4096, ReadWrite).Key; break;
            case "another domain": request.FastRegisterRemoteKey = world.CreateFastRegion(4, world.Guest.CreateDomain()).Key; break;
            case "page size": request.FastRegisterPageShift = 16; break;
            case "no pages": request.FastRegisterPageCount = 0; break;
            case "more pages than allocated": request.FastRegisterPageCount = 5; break;
            case "fewer pages than the range": request.FastRegisterIova++; break;
            case "length 0": request.FastRegisterLength = 0; break;
            case "start wraps": request.FastRegisterIova = ulong.MaxValue - 4095; request.FastRegisterLength = 4097; break;
            case "write without local write": request.FastRegisterAccess = (uint)PvrdmaAccess.RemoteWrite; break;
            case "unknown right": request.FastRegisterAccess |= 1u << 25; break;
            case "directory outside": request.FastRegisterDirectoryAddress = (ulong)world.Guest.Memory.Bytes; break;
            default: *(ulong*)world.Guest.Memory.At(*(ulong*)world.Guest.Memory.At(directory) + 16) = (ulong)world.Guest.Memory.Bytes; break;
        }

        Assert.Equal(CompletionStatus.MemoryWindowBindError, Execute(world.Qp, request));
        Assert.True(Local(world.Qp, key, 0x5000, 1) == null);
    }

    /// <summary>Once registered, the directory means nothing any more.</summary>
    [Fact]
    public void Later_changes_of_the_directory_change_nothing()
    {
        using var world = new KeyWorld();
        uint key = world.CreateFastRegion().Key;
        ulong[] pages = world.Guest.Memory.AllocatePages(1);
        ulong directory = Directory(world, pages);
        Assert.Equal(CompletionStatus.Success, Register(world, key, directory, 1, 0, 4096, ReadWrite));
        *(ulong*)world.Guest.Memory.At(*(ulong*)world.Guest.Memory.At(directory)) = ulong.MaxValue;
        *(ulong*)world.Guest.Memory.At(directory) = ulong.MaxValue;
        Assert.True(Remote(world.Qp, key, 0, 4096) == world.Guest.Memory.At(pages[0]));
    }

    [Theory]
    [InlineData(0u, 0u, PvrdmaCommandError.InvalidArgument)]
    [InlineData(129u, 0u, PvrdmaCommandError.InvalidArgument)]
    [InlineData(uint.MaxValue, 0u, PvrdmaCommandError.InvalidArgument)]
    [InlineData(4u, 1u, PvrdmaCommandError.InvalidArgument)]
    [InlineData(128u, 0u, PvrdmaCommandError.None)]
    public void A_creation_names_pages_alone(uint pages, uint access, PvrdmaCommandError expected)
    {
        using var world = new KeyWorld();
        long pinned = world.Guest.Device.PinnedPages;
        var request = new PvrdmaCreateMr { PdHandle = world.Domain, Flags = PvrdmaMrFlags.FastRegister, PageCount = pages, Access = access };
        Assert.Equal(expected, world.Guest.Command(PvrdmaCommand.CreateMr, request));

        // The pages that it may hold count from the start.
        Assert.Equal(pinned + (expected == PvrdmaCommandError.None ? pages : 0), world.Guest.Device.PinnedPages);
    }

    [Fact]
    public void A_region_that_was_registered_by_a_command_cannot_be_invalidated()
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 4096, ReadWrite);
        Assert.Equal(CompletionStatus.MemoryWindowBindError, Invalidate(world.Qp, region.Key));
        Assert.False(InvalidateRemotely(world.Qp, region.Key));
        Assert.True(Remote(world.Qp, region.Key, region.Start, 4096) == region.At(0));
    }

    private static ulong Directory(KeyWorld world, ulong[] pages) => world.Guest.Memory.Directory(pages);

    private static CompletionStatus Register(
        KeyWorld world, uint key, ulong[] pages, ulong start, uint bytes, PvrdmaAccess access = ReadWrite) =>
        Register(world, key, Directory(world, pages), (uint)pages.Length, start, bytes, access);

    private static CompletionStatus Register(
        KeyWorld world, uint key, ulong directory, uint pageCount, ulong start, uint bytes, PvrdmaAccess access) =>
        Execute(world.Qp, new PvrdmaSendWqe
        {
            Opcode = (uint)PvrdmaWrOpcode.FastRegisterMr,
            FastRegisterIova = start,
            FastRegisterDirectoryAddress = directory,
            FastRegisterPageShift = 12,
            FastRegisterPageCount = pageCount,
            FastRegisterLength = bytes,
            FastRegisterAccess = (uint)access,
            FastRegisterRemoteKey = key,
        });
}
