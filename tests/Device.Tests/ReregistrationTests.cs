using RoceEngine.Abi;
using RoceEngine.Protocol;
using static Device.Tests.KeyWorld;

namespace Device.Tests;

/// <summary>Re-registration: what the flags name changes, the rest stays, and a refusal changes nothing.</summary>
public sealed unsafe class ReregistrationTests
{
    private const PvrdmaAccess ReadOnly = PvrdmaAccess.RemoteRead;
    private const PvrdmaAccess ReadWrite = PvrdmaAccess.LocalWrite | PvrdmaAccess.RemoteRead | PvrdmaAccess.RemoteWrite;

    [Theory]
    [InlineData(0u)]
    [InlineData(PvrdmaReregisterMr.ChangePd)]
    [InlineData(PvrdmaReregisterMr.ChangeAccess)]
    [InlineData(PvrdmaReregisterMr.ChangePd | PvrdmaReregisterMr.ChangeAccess)]
    public void Translation_with_or_without_the_rest(uint more)
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 8192, ReadOnly);
        GuestRegion target = world.Guest.CreateRegion(world.Domain, 12_288, ReadWrite, start: 0x1_0000_0010);
        uint domain = world.Guest.CreateDomain();
        var there = world.CreateQueuePair(domain);
        long pinned = world.Guest.Device.PinnedPages;

        PvrdmaReregisterMr request = Request(region, PvrdmaReregisterMr.ChangeTranslation | more);
        request.Start = target.Start;
        request.Length = 12_288;
        request.DirectoryAddress = target.Request.DirectoryAddress;
        request.PageCount = target.Request.PageCount;
        request.PdHandle = domain;
        request.Access = (uint)ReadWrite;
        Assert.Equal(PvrdmaCommandError.None, world.Guest.Command(PvrdmaCommand.ReregisterMr, request, out PvrdmaCreateMrResponse response));
        Assert.Equal((region.Handle, region.Key, region.Key), (response.MrHandle, response.LocalKey, response.RemoteKey));
        Assert.Equal(pinned + 2, world.Guest.Device.PinnedPages);

        bool moved = (more & PvrdmaReregisterMr.ChangePd) != 0;
        bool writable = (more & PvrdmaReregisterMr.ChangeAccess) != 0;
        Assert.True(Remote(moved ? there : world.Qp, region.Key, target.Start, 12_288) == target.At(0));
        Assert.True(Remote(moved ? world.Qp : there, region.Key, target.Start, 1) == null);
        Assert.Equal(writable, Remote(moved ? there : world.Qp, region.Key, target.Start, 1, AccessFlags.RemoteWrite) != null);
        Assert.True(Remote(world.Qp, region.Key, region.Start, 1) == null);

        // The domains are counted anew: each can go when its own are gone.
        Assert.Equal(PvrdmaCommandError.None, world.Guest.Destroy(PvrdmaCommand.DestroyQp, there.Guest.Handle));
        Assert.Equal(moved ? PvrdmaCommandError.Busy : PvrdmaCommandError.None, world.Guest.Destroy(PvrdmaCommand.DestroyPd, domain));
        Assert.Equal(PvrdmaCommandError.None, world.Guest.Destroy(PvrdmaCommand.DestroyMr, region.Handle));
        Assert.Equal(moved ? PvrdmaCommandError.None : PvrdmaCommandError.NoSuchObject, world.Guest.Destroy(PvrdmaCommand.DestroyPd, domain));
    }

    [Fact]
    public void Rights_alone()
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 8192, ReadOnly);
        PvrdmaReregisterMr request = Request(region, PvrdmaReregisterMr.ChangeAccess);
        request.Access = (uint)ReadWrite;
        Assert.Equal(PvrdmaCommandError.None, world.Guest.Command(PvrdmaCommand.ReregisterMr, request));
        Assert.True(Remote(world.Qp, region.Key, region.Start, 8192, AccessFlags.RemoteWrite) == region.At(0));
        request.Access = 0;
        Assert.Equal(PvrdmaCommandError.None, world.Guest.Command(PvrdmaCommand.ReregisterMr, request));
        Assert.True(Remote(world.Qp, region.Key, region.Start, 1) == null);
        Assert.True(Local(world.Qp, region.Key, region.Start, 1) == region.At(0));
    }

    public static TheoryData<string, PvrdmaCommandError> Lies => new()
    {
        { "handle", PvrdmaCommandError.NoSuchObject },
        { "flags 0", PvrdmaCommandError.InvalidArgument },
        { "flags unknown", PvrdmaCommandError.InvalidArgument },
        { "domain", PvrdmaCommandError.NoSuchObject },
        { "access unknown", PvrdmaCommandError.InvalidArgument },
        { "access without local write", PvrdmaCommandError.InvalidArgument },
        { "length 0", PvrdmaCommandError.InvalidArgument },
        { "pages short", PvrdmaCommandError.InvalidArgument },
        { "start wraps", PvrdmaCommandError.InvalidArgument },
        { "directory", PvrdmaCommandError.BadAddress },
        { "fast registration region", PvrdmaCommandError.InvalidArgument },
        { "region over all memory", PvrdmaCommandError.InvalidArgument },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_refusal_changes_nothing(string lie, PvrdmaCommandError expected)
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 8192, ReadOnly);
        GuestRegion target = world.Guest.CreateRegion(world.Domain, 8192, ReadWrite, start: 0x1_0000_0000);
        PvrdmaReregisterMr request = Request(region, 7) with
        {
            Start = target.Start,
            Length = 8192,
            DirectoryAddress = target.Request.DirectoryAddress,
            PageCount = 2,
            PdHandle = world.Guest.CreateDomain(),
            Access = (uint)ReadWrite,
        };
        switch (lie)
        {
            case "handle": request.MrHandle = 77; break;
            case "flags 0": request.Flags = 0; break;
            case "flags unknown": request.Flags = 15; break;
            case "domain": request.PdHandle = 99; break;
            case "access unknown": request.Access |= 1u << 30; break;
            case "access without local write": request.Access = (uint)PvrdmaAccess.RemoteAtomic; break;
            case "length 0": request.Length = 0; break;
            case "pages short": request.PageCount = 1; break;
            case "start wraps": request.Start = ulong.MaxValue - 4095; break;
            case "directory": request.DirectoryAddress = 4; break;
            case "fast registration region": request.MrHandle = world.CreateFastRegion().Handle; break;
            default:
                var all = new PvrdmaCreateMr { PdHandle = world.Domain, Flags = PvrdmaMrFlags.Dma };
                world.Guest.Command(PvrdmaCommand.CreateMr, all, out PvrdmaCreateMrResponse response);
                request.MrHandle = response.MrHandle;
                break;
        }

        long pinned = world.Guest.Device.PinnedPages;
        Assert.Equal(expected, world.Guest.Command(PvrdmaCommand.ReregisterMr, request));
        Assert.Equal(pinned, world.Guest.Device.PinnedPages);
        Assert.True(Remote(world.Qp, region.Key, region.Start, 8192) == region.At(0));
        Assert.True(Remote(world.Qp, region.Key, region.Start, 1, AccessFlags.RemoteWrite) == null);
    }

    private static PvrdmaReregisterMr Request(GuestRegion region, uint flags) => new() { MrHandle = region.Handle, Flags = flags };
}
