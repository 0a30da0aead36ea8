using RoceEngine.Abi;
using RoceEngine.Protocol;
using static Device.Tests.KeyWorld;

namespace Device.Tests;

/// <summary>Memory windows of type 1 and 2B: what opens them, what they open and to whom, what closes them.</summary>
public sealed unsafe class MemoryWindowTests
{
    private const PvrdmaAccess Bindable = PvrdmaAccess.LocalWrite | PvrdmaAccess.WindowBind;
    private const PvrdmaAccess ReadWrite = PvrdmaAccess.RemoteRead | PvrdmaAccess.RemoteWrite;

    [Theory]
    [InlineData(1u, false)]
    [InlineData(1u, true)]
    [InlineData(2u, false)]
    [InlineData(2u, true)]
    public void A_bound_window_opens_its_part_of_the_region_and_no_byte_more(uint type, bool scattered)
    {
        using var world = new KeyWorld(scattered);
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 20_000, Bindable, start: 0x7000_0000_0123);
        uint key = NextTag(world.CreateWindow(type).Key);
        Assert.True(Remote(world.Qp, key, region.Start + 5000, 1) == null);
        Assert.Equal(CompletionStatus.Success, Bind(world.Qp, key, region, 5000, 6000, ReadWrite));
        foreach (int offset in new[] { 5000, 7777, 10_999 })
        {
            Assert.True(Remote(world.Qp, key, region.Start + (ulong)offset, 1) == region.At(offset));
            Assert.True(Remote(world.Qp, key, region.Start + (ulong)offset, 1, AccessFlags.RemoteWrite) == region.At(offset));
        }

        Assert.True(Remote(world.Qp, key, region.Start + 5000, 6000) == region.At(5000));
        Assert.True(Remote(world.Qp, key, region.Start + 4999, 1) == null);
        Assert.True(Remote(world.Qp, key, region.Start + 11_000, 1) == null);
        Assert.True(Remote(world.Qp, key, region.Start + 5000, 6001) == null);
        Assert.True(Remote(world.Qp, key, region.Start + 5000, 8, AccessFlags.RemoteAtomic) == null);

        // The region itself gives no rights to peers, and a window's key is none for local use.
        Assert.True(Remote(world.Qp, region.Key, region.Start + 5000, 1) == null);
        Assert.True(Local(world.Qp, key, region.Start + 5000, 1) == null);
        Assert.True(Local(world.Qp, region.Key, region.Start + 5000, 1) == region.At(5000));
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(2u)]
    public void A_key_is_good_only_when_all_of_its_bits_match(uint type)
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 4096, Bindable);
        uint first = world.CreateWindow(type).Key;
        uint key = NextTag(first);
        Assert.Equal(CompletionStatus.Success, Bind(world.Qp, key, region, 0, 4096, ReadWrite));
        for (int bit = 0; bit < 32; bit++)
        {
            Assert.True(Remote(world.Qp, key ^ (1u << bit), region.Start, 1) == null);
        }

        Assert.True(Remote(world.Qp, first, region.Start, 1) == null);
        Assert.True(Remote(world.Qp, key, region.Start, 1) != null);
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(2u)]
    public void Local_write_means_nothing_for_a_window(uint type)
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 4096, Bindable);
        uint key = world.CreateWindow(type).Key;
        Assert.Equal(CompletionStatus.Success, Bind(world.Qp, key, region, 0, 100, ReadWrite | PvrdmaAccess.LocalWrite));
        Assert.True(Remote(world.Qp, key, region.Start, 1) != null);
        Assert.True(Local(world.Qp, key, region.Start, 1) == null);
    }

    [Fact]
    public void A_type_1_window_is_open_to_all_of_its_domain_and_a_type_2_window_to_its_binder()
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 4096, Bindable);
        var stranger = world.CreateQueuePair(world.Guest.CreateDomain());
        uint one = world.CreateWindow(1).Key;
        uint two = world.CreateWindow(2).Key;
        Assert.Equal(CompletionStatus.Success, Bind(world.Qp, one, region, 0, 100, ReadWrite));
        Assert.Equal(CompletionStatus.Success, Bind(world.Qp, two, region, 0, 100, ReadWrite));
        Assert.True(Remote(world.Other, one, region.Start, 1) != null);
        Assert.True(Remote(world.Other, two, region.Start, 1) == null);
        Assert.True(Remote(stranger, one, region.Start, 1) == null);
        Assert.True(Remote(stranger, two, region.Start, 1) == null);
    }

    [Fact]
    public void A_type_1_window_moves_with_each_bind_and_closes_with_a_bind_of_nothing()
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 4096, Bindable);
        uint key = world.CreateWindow(1).Key;
        Assert.Equal(CompletionStatus.Success, Bind(world.Qp, key, region, 0, 100, ReadWrite));
        uint next = NextTag(key);
        Assert.Equal(CompletionStatus.Success, Bind(world.Other, next, region, 200, 100, PvrdmaAccess.RemoteRead));
        Assert.True(Remote(world.Qp, key, region.Start, 1) == null);
        Assert.True(Remote(world.Qp, next, region.Start, 1) == null);
        Assert.True(Remote(world.Qp, next, region.Start + 200, 1) == region.At(200));
        Assert.True(Remote(world.Qp, next, region.Start + 200, 1, AccessFlags.RemoteWrite) == null);

        uint last = NextTag(next);
        Assert.Equal(CompletionStatus.Success, Execute(world.Qp, new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.BindMemoryWindow, BindKey = last }));
        Assert.True(Remote(world.Qp, next, region.Start + 200, 1) == null);
        Assert.True(Remote(world.Qp, last, 0, 1) == null);
        Assert.Equal(PvrdmaCommandError.None, world.Guest.Destroy(PvrdmaCommand.DestroyMr, region.Handle));
    }

    [Fact]
    public void A_type_2_window_is_bound_again_only_after_it_was_invalidated()
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 4096, Bindable);
        uint key = world.CreateWindow(2).Key;
        Assert.Equal(CompletionStatus.MemoryWindowBindError, Bind(world.Qp, key, region, 0, 0, ReadWrite));
        Assert.Equal(CompletionStatus.Success, Bind(world.Qp, key, region, 0, 100, ReadWrite));
        Assert.Equal(CompletionStatus.MemoryWindowBindError, Bind(world.Qp, NextTag(key), region, 0, 100, ReadWrite));
        Assert.True(Remote(world.Qp, key, region.Start, 1) != null);
        Assert.Equal(CompletionStatus.MemoryWindowBindError, Invalidate(world.Other, key));
        Assert.Equal(CompletionStatus.MemoryWindowBindError, Invalidate(world.Qp, NextTag(key)));
        Assert.Equal(CompletionStatus.Success, Invalidate(world.Qp, key));
        Assert.True(Remote(world.Qp, key, region.Start, 1) == null);

        // Closed, it belongs to nobody: any QP of the domain may bind it, and to invalidate it again changes nothing.
        Assert.Equal(CompletionStatus.Success, Invalidate(world.Other, key));
        Assert.Equal(CompletionStatus.Success, Bind(world.Other, NextTag(key), region, 0, 100, ReadWrite));
        Assert.True(Remote(world.Other, NextTag(key), region.Start, 1) != null);
    }

    [Fact]
    public void A_peer_can_take_away_a_type_2_window_through_its_binder_alone()
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 4096, Bindable | ReadWrite);
        uint one = world.CreateWindow(1).Key;
        uint two = world.CreateWindow(2).Key;
        Assert.False(InvalidateRemotely(world.Qp, two));
        Bind(world.Qp, one, region, 0, 100, ReadWrite);
        Bind(world.Qp, two, region, 0, 100, ReadWrite);
        Assert.False(InvalidateRemotely(world.Qp, one));
        Assert.False(InvalidateRemotely(world.Qp, region.Key));
        Assert.False(InvalidateRemotely(world.Qp, two ^ 1));
        Assert.False(InvalidateRemotely(world.Other, two));
        Assert.True(Remote(world.Qp, two, region.Start, 1) != null);
        Assert.True(InvalidateRemotely(world.Qp, two));
        Assert.False(InvalidateRemotely(world.Qp, two));
        Assert.True(Remote(world.Qp, two, region.Start, 1) == null);
        Assert.True(Remote(world.Qp, one, region.Start, 1) != null);
        Assert.True(Remote(world.Qp, region.Key, region.Start, 1) != null);
        Assert.Equal(CompletionStatus.MemoryWindowBindError, Invalidate(world.Qp, one));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_end_of_its_binder_closes_a_type_2_window(bool byReset)
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 4096, Bindable);
        uint[] keys = [.. Enumerable.Range(0, 5).Select(_ => world.CreateWindow(2).Key)];
        uint kept = world.CreateWindow(2).Key;
        Assert.All(keys, key => Assert.Equal(CompletionStatus.Success, Bind(world.Qp, key, region, 0, 100, ReadWrite)));
        Assert.Equal(CompletionStatus.Success, Bind(world.Other, kept, region, 0, 100, ReadWrite));

        // The first, the last and a middle one of the binder's are gone before.
        foreach (uint key in new[] { keys[0], keys[4], keys[2] })
        {
            Assert.Equal(CompletionStatus.Success, Invalidate(world.Qp, key));
        }

        if (byReset)
        {
            Assert.Equal(PvrdmaCommandError.None, world.Qp.Guest.ModifyState(PvrdmaQpState.Reset));
            Assert.All(keys, key => Assert.True(Remote(world.Qp, key, region.Start, 1) == null));
        }
        else
        {
            Assert.Equal(PvrdmaCommandError.None, world.Guest.Destroy(PvrdmaCommand.DestroyQp, world.Qp.Guest.Handle));
        }

        Assert.True(Remote(world.Other, kept, region.Start, 1) != null);
        Assert.All(keys, key => Assert.Equal(CompletionStatus.Success, Bind(world.Other, key, region, 0, 100, ReadWrite)));
    }

    [Fact]
    public void A_region_with_windows_cannot_go_or_change()
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 4096, Bindable);
        (uint handle, uint one) = world.CreateWindow(1);
        uint two = world.CreateWindow(2).Key;
        Bind(world.Qp, one, region, 0, 100, ReadWrite);
        Bind(world.Qp, two, region, 0, 100, ReadWrite);
        var change = new PvrdmaReregisterMr { MrHandle = region.Handle, Flags = PvrdmaReregisterMr.ChangeAccess };
        Assert.Equal(PvrdmaCommandError.Busy, world.Guest.Destroy(PvrdmaCommand.DestroyMr, region.Handle));
        Assert.Equal(PvrdmaCommandError.Busy, world.Guest.Command(PvrdmaCommand.ReregisterMr, change));
        Assert.Equal(PvrdmaCommandError.None, world.Guest.Destroy(PvrdmaCommand.DestroyMw, handle));
        Assert.True(Remote(world.Qp, one, region.Start, 1) == null);
        Assert.Equal(PvrdmaCommandError.Busy, world.Guest.Destroy(PvrdmaCommand.DestroyMr, region.Handle));
        Assert.Equal(CompletionStatus.Success, Invalidate(world.Qp, two));
        Assert.Equal(PvrdmaCommandError.None, world.Guest.Destroy(PvrdmaCommand.DestroyMr, region.Handle));
    }

    [Fact]
    public void A_zero_based_type_2_window_is_addressed_from_0()
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 4096, Bindable, start: 0x7000_0000_0040);
        uint key = world.CreateWindow(2).Key;
        Assert.Equal(CompletionStatus.Success, Bind(world.Qp, key, region, 100, 50, PvrdmaAccess.RemoteRead | PvrdmaAccess.ZeroBased));
        Assert.True(Remote(world.Qp, key, 0, 50) == region.At(100));
        Assert.True(Remote(world.Qp, key, 49, 1) == region.At(149));
        Assert.True(Remote(world.Qp, key, 50, 1) == null);
        Assert.True(Remote(world.Qp, key, region.Start + 100, 1) == null);
    }

    public static TheoryData<string> Lies => ["window unknown", "region unknown", "region tag", "window of another domain", "region of another domain",
        "no right to bind", "write without local write", "atomic without local write", "unknown right", "zero based type 1",
        "before", "after", "length", "wraps", "a region's key as the window", "a window's key as the region"];

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_bind_that_may_not_be_is_an_error_and_opens_nothing(string lie)
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 4096, Bindable);
        GuestRegion fixedRegion = world.Guest.CreateRegion(world.Domain, 4096, PvrdmaAccess.LocalWrite | ReadWrite);
        GuestRegion readOnly = world.Guest.CreateRegion(world.Domain, 4096, PvrdmaAccess.WindowBind);
        uint otherDomain = world.Guest.CreateDomain();
        uint key = world.CreateWindow(1).Key;
        var bind = new PvrdmaSendWqe
        {
            Opcode = (uint)PvrdmaWrOpcode.BindMemoryWindow,
            BindKey = key,
            BindRegionKey = region.Key,
            BindAddress = region.Start,
            BindLength = 100,
            BindAccess = (uint)PvrdmaAccess.RemoteRead,
        };
        switch (lie)
        {
            case "window unknown": bind.BindKey ^= 0x100; break;
            case "region unknown": bind.BindRegionKey ^= 0x100; break;
            case "region tag": bind.BindRegionKey ^= 1; break;
            case "window of another domain": bind.BindKey = world.CreateWindow(1, otherDomain).Key; break;
            case "region of another domain": bind.BindRegionKey = world.Guest.CreateRegion(otherDomain, 4096, Bindable).Key; break;
            case "no right to bind": bind.BindRegionKey = fixedRegion.Key; break;
            case "write without local write": (bind.BindRegionKey, bind.BindAccess) = (readOnly.Key, (uint)PvrdmaAccess.RemoteWrite); break;
            case "atomic without local write": (bind.BindRegionKey, bind.BindAccess) = (readOnly.Key, (uint)PvrdmaAccess.RemoteAtomic); break;
            case "unknown right": bind.BindAccess |= 1 << 20; break;
            case "zero based type 1": bind.BindAccess |= (uint)PvrdmaAccess.ZeroBased; break;
            case "before": bind.BindAddress--; break;
            case "after": bind.BindAddress += 4096 - 99; break;
            case "length": bind.BindLength = 4097; break;
            case "wraps": (bind.BindAddress, bind.BindLength) = (region.Start + 4095, ulong.MaxValue); break;
            case "a region's key as the window": bind.BindKey = region.Key; break;
            default: bind.BindRegionKey = key; break;
        }

        Assert.Equal(CompletionStatus.MemoryWindowBindError, Execute(world.Qp, bind));
        Assert.True(Remote(world.Qp, key, region.Start, 1) == null);
        Assert.Equal(PvrdmaCommandError.None, world.Guest.Destroy(PvrdmaCommand.DestroyMr, region.Handle));
    }

    [Fact]
    public void Commands_check_type_domain_handle_and_extension()
    {
        using var world = new KeyWorld();
        foreach (uint type in new uint[] { 0, 3, uint.MaxValue })
        {
            Assert.Equal(PvrdmaCommandError.InvalidArgument, world.Guest.Command(PvrdmaCommand.CreateMw, new PvrdmaCreateMw { PdHandle = world.Domain, Type = type }));
        }

        Assert.Equal(PvrdmaCommandError.NoSuchObject, world.Guest.Command(PvrdmaCommand.CreateMw, new PvrdmaCreateMw { PdHandle = 9, Type = 1 }));
        uint domain = world.Guest.CreateDomain();
        uint handle = world.CreateWindow(1, domain).Handle;
        Assert.Equal(1, world.Guest.Device.MemoryWindowCount);
        Assert.Equal(PvrdmaCommandError.Busy, world.Guest.Destroy(PvrdmaCommand.DestroyPd, domain));
        Assert.Equal(PvrdmaCommandError.None, world.Guest.Destroy(PvrdmaCommand.DestroyMw, handle));
        Assert.Equal(PvrdmaCommandError.NoSuchObject, world.Guest.Destroy(PvrdmaCommand.DestroyMw, handle));
        Assert.Equal(PvrdmaCommandError.None, world.Guest.Destroy(PvrdmaCommand.DestroyPd, domain));
        Assert.Equal(0, world.Guest.Device.MemoryWindowCount);

        using var stock = new KeyWorld(extension: ExtensionBits.None);
        Assert.Equal(PvrdmaCommandError.NotSupported, stock.Guest.Command(PvrdmaCommand.CreateMw, new PvrdmaCreateMw { PdHandle = stock.Domain, Type = 1 }));
        Assert.Equal(FetchVerdict.Invalid, Fetch(stock.Qp, new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.BindMemoryWindow }, out _));
    }
}
