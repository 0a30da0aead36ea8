using RoceEngine.Abi;
using RoceEngine.Device;
using RoceEngine.Protocol;

namespace Device.Tests;

/// <summary>NEXT_OBJECT tells a guest that did not make the objects what is there.</summary>
public sealed unsafe class ObjectListTests
{
    private const ExtensionBits Extension = ExtensionBits.Inline | ExtensionBits.MemoryWindows | ExtensionBits.ExtendedVerbs;

    [Fact]
    public void Each_kind_is_listed_by_handle_and_ends_with_zero()
    {
        using var guest = new TestGuest(new GuestOptions { Extension = Extension });
        Assert.Empty(List(guest, PvrdmaObjectKind.ProtectionDomain));
        uint[] domains = [.. Enumerable.Range(0, 5).Select(_ => guest.CreateDomain())];
        Assert.Equal(domains, List(guest, PvrdmaObjectKind.ProtectionDomain).Select(domain => domain.Handle));
        guest.Command(PvrdmaCommand.DestroyPd, new PvrdmaHandleCommand { Handle = domains[2] });
        Assert.Equal([.. domains[..2], .. domains[3..]], List(guest, PvrdmaObjectKind.ProtectionDomain).Select(domain => domain.Handle));
        foreach (uint from in new[] { 0u, 1u })
            Assert.Equal(domains[0], Next(guest, PvrdmaObjectKind.ProtectionDomain, from).Handle);
        foreach (uint from in new[] { domains[4] + 1, 1u << 31, uint.MaxValue })
            Assert.Equal(0u, Next(guest, PvrdmaObjectKind.ProtectionDomain, from).Handle);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_object_is_described_as_it_was_made(bool isScattered)
    {
        using var guest = new TestGuest(new GuestOptions { Extension = Extension, Scattered = isScattered });
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue(64);
        GuestCompletionQueue other = guest.CreateCompletionQueue(128);
        var shared = new GuestSharedReceiveQueue(guest, domain, 32, 2);
        Assert.Equal(PvrdmaCommandError.None, shared.Create());
        GuestRegion region = guest.CreateRegion(domain, 20_000, PvrdmaAccess.LocalWrite, start: 0x7000_0000_0064);
        var qp = new GuestQueuePair(guest, domain, queue, other, request => request with { SignalAll = 1, MaxSendWr = 32 });
        Assert.Equal(PvrdmaCommandError.None, qp.Create());
        uint inRow = isScattered ? 0 : (uint)PvrdmaObjectFlags.PagesInRow;

        PvrdmaNextObjectResponse found = List(guest, PvrdmaObjectKind.CompletionQueue)[0];
        Assert.Equal((queue.Handle, 64u, 2u, inRow), (found.Handle, found.EntryCount, found.PageCount, found.Flags));
        Assert.True(guest.Memory.At(found.FirstPage) == (byte*)queue.Page);
        found = Assert.Single(List(guest, PvrdmaObjectKind.SharedReceiveQueue));
        Assert.Equal((shared.Handle, domain, 32u, 2u), (found.Handle, found.PdHandle, found.EntryCount, found.Capabilities.MaxReceiveSge));
        Assert.True(guest.Memory.At(found.FirstPage) == (byte*)shared.Ring - 8);
        found = Assert.Single(List(guest, PvrdmaObjectKind.MemoryRegion));
        Assert.Equal(
            (region.Handle, domain, region.Key, region.Start, 20_000ul, 5u, inRow, (uint)PvrdmaRegionType.Pages, (uint)PvrdmaAccess.LocalWrite),
            (found.Handle, found.PdHandle, found.Number, found.Start, found.Length, found.PageCount, found.Flags, found.Type, found.Access));
        Assert.True(guest.Memory.At(found.FirstPage) + 0x64 == region.At(0));
        found = Assert.Single(List(guest, PvrdmaObjectKind.QueuePair));
        Assert.Equal(
            (qp.Handle, qp.Qpn, domain, queue.Handle, other.Handle, 0u, (uint)PvrdmaQpType.Rc, (uint)PvrdmaQpState.Reset, inRow | (uint)PvrdmaObjectFlags.SignalAll),
            (found.Handle, found.Number, found.PdHandle, found.SendCqHandle, found.ReceiveCqHandle, found.SrqHandle, found.Type, found.State, found.Flags));
        Assert.Equal((32u, 64u, 4u, 4u, 64u), (
            found.Capabilities.MaxSendWr, found.Capabilities.MaxReceiveWr, found.Capabilities.MaxSendSge, found.Capabilities.MaxReceiveSge, found.Capabilities.MaxInlineBytes));
        Assert.Equal((qp.Request.SendPageCount, qp.Request.TotalPageCount), ((ushort)found.SendPageCount, (ushort)found.PageCount));
        Assert.True(guest.Memory.At(found.FirstPage) == (byte*)qp.State);
    }

    [Fact]
    public void Windows_and_regions_for_fast_registration_are_listed_as_they_are()
    {
        using var world = new KeyWorld();
        GuestRegion region = world.Guest.CreateRegion(world.Domain, 8192, PvrdmaAccess.LocalWrite | PvrdmaAccess.WindowBind);
        var window = world.CreateWindow(1);
        PvrdmaNextObjectResponse found = Assert.Single(List(world.Guest, PvrdmaObjectKind.MemoryWindow));
        Assert.Equal((window.Key, 1u, 0ul, 0ul), (found.Number, found.Type, found.Start, found.Length));
        uint key = KeyWorld.NextTag(window.Key);
        Assert.Equal(CompletionStatus.Success, KeyWorld.Bind(world.Qp, key, region, 100, 200, PvrdmaAccess.RemoteRead));
        found = Assert.Single(List(world.Guest, PvrdmaObjectKind.MemoryWindow));
        Assert.Equal((key, region.Start + 100, 200ul, (uint)PvrdmaAccess.RemoteRead), (found.Number, found.Start, found.Length, found.Access));

        Assert.Equal(PvrdmaCommandError.None, world.Guest.Command(
            PvrdmaCommand.CreateMr, new PvrdmaCreateMr { PdHandle = world.Domain, Flags = PvrdmaMrFlags.FastRegister, PageCount = 9 }, out PvrdmaCreateMrResponse fast));
        found = List(world.Guest, PvrdmaObjectKind.MemoryRegion)[^1];
        Assert.Equal(
            (fast.MrHandle, fast.LocalKey, (uint)PvrdmaRegionType.FastRegister, 9u, 0ul, 0ul), (found.Handle, found.Number, found.Type, found.PageCount, found.Length, found.FirstPage));
    }

    [Fact]
    public void It_is_part_of_the_extension_and_of_nothing_else()
    {
        using var stock = new TestGuest();
        Assert.Equal(
            PvrdmaCommandError.NotSupported,
            stock.Command(PvrdmaCommand.NextObject, new PvrdmaNextObject { Kind = (uint)PvrdmaObjectKind.QueuePair }, out PvrdmaNextObjectResponse _));
        using var guest = new TestGuest(new GuestOptions { Extension = Extension });
        foreach (uint kind in new uint[] { 0, 7, uint.MaxValue })
            Assert.Equal(
                PvrdmaCommandError.InvalidArgument,
                guest.Command(PvrdmaCommand.NextObject, new PvrdmaNextObject { Kind = kind }, out PvrdmaNextObjectResponse _));
    }

    private static PvrdmaNextObjectResponse Next(TestGuest guest, PvrdmaObjectKind kind, uint from)
    {
        PvrdmaCommandError error = guest.Command(
            PvrdmaCommand.NextObject, new PvrdmaNextObject { Kind = (uint)kind, Handle = from }, out PvrdmaNextObjectResponse response);
        Assert.Equal(PvrdmaCommandError.None, error);
        return response;
    }

    private static List<PvrdmaNextObjectResponse> List(TestGuest guest, PvrdmaObjectKind kind)
    {
        var all = new List<PvrdmaNextObjectResponse>();
        for (PvrdmaNextObjectResponse next = Next(guest, kind, 0); next.Handle != 0; next = Next(guest, kind, next.Handle + 1))
            all.Add(next);
        return all;
    }
}
