using System.Net;
using RoceEngine.Abi;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Device.Tests;

/// <summary>Each send work request as the protocol gets it: every field where it belongs, and what is impossible refused.</summary>
public sealed class WorkRequestReadingTests
{
    private static readonly Gid Peer = Gid.From(IPAddress.Parse("10.0.0.7"));

    [Fact]
    public void Masked_compare_and_swap()
    {
        using var world = new KeyWorld(extension: ExtensionBits.None);
        PvrdmaSendWqe head = Masked(PvrdmaWrOpcode.MaskedAtomicCompareSwap);
        Assert.Equal(FetchVerdict.Fetched, KeyWorld.Fetch(world.Qp, head, out SendWorkRequest request, Sge(8)));
        Assert.Equal((WorkOpcode.MaskedCompareSwap, 0x1234ul, 0xABCu, 8u), (request.Opcode, request.RemoteAddress, request.RemoteKey, request.TotalBytes));
        Assert.Equal((2ul, 1ul, 4ul, 3ul), (request.CompareOrAdd, request.Swap, request.CompareMaskOrBoundary, request.SwapMask));
    }

    [Fact]
    public void Masked_fetch_and_add()
    {
        using var world = new KeyWorld(extension: ExtensionBits.None);
        PvrdmaSendWqe head = Masked(PvrdmaWrOpcode.MaskedAtomicFetchAdd);
        Assert.Equal(FetchVerdict.Fetched, KeyWorld.Fetch(world.Qp, head, out SendWorkRequest request, Sge(8)));
        Assert.Equal((WorkOpcode.MaskedFetchAdd, 0x1234ul, 0xABCu), (request.Opcode, request.RemoteAddress, request.RemoteKey));
        Assert.Equal((1ul, 2ul), (request.CompareOrAdd, request.CompareMaskOrBoundary));
    }

    [Theory]
    [InlineData(0u, true)]
    [InlineData(2u, false)]
    [InlineData(3u, true)]
    [InlineData(4u, false)]
    [InlineData(uint.MaxValue, false)]
    public void Masked_atomics_are_of_eight_bytes(uint logBytes, bool fetched)
    {
        using var world = new KeyWorld();
        PvrdmaSendWqe head = Masked(PvrdmaWrOpcode.MaskedAtomicFetchAdd) with { MaskedLogArgumentBytes = logBytes };
        Assert.Equal(fetched ? FetchVerdict.Fetched : FetchVerdict.Invalid, KeyWorld.Fetch(world.Qp, head, out _, Sge(8)));
    }

    [Fact]
    public void Flush()
    {
        using var world = new KeyWorld();
        var head = new PvrdmaSendWqe
        {
            Opcode = (uint)PvrdmaWrOpcode.Flush, RemoteAddress = 0x1234, RdmaRemoteKey = 0xABC, FlushLength = 777, FlushOptions = 0b1_0011,
        };
        Assert.Equal(FetchVerdict.Fetched, KeyWorld.Fetch(world.Qp, head, out SendWorkRequest request));
        Assert.Equal((WorkOpcode.Flush, 0x1234ul, 0xABCu, 777u, 0u), (request.Opcode, request.RemoteAddress, request.RemoteKey, request.FlushBytes, request.TotalBytes));
        Assert.Equal(FlushOptions.Global | FlushOptions.Persistent | FlushOptions.WholeRegion, request.FlushOptions);
        Assert.Equal(FetchVerdict.Invalid, KeyWorld.Fetch(world.Qp, head with { FlushOptions = 4 }, out _));
        Assert.Equal(FetchVerdict.Invalid, KeyWorld.Fetch(world.Qp, head with { FlushOptions = 0x101 }, out _));
        Assert.Equal(FetchVerdict.Invalid, KeyWorld.Fetch(world.Qp, head, out _, Sge(8)));
    }

    [Fact]
    public void Atomic_write()
    {
        using var world = new KeyWorld();
        var head = new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.AtomicWrite, RemoteAddress = 0x1230, RdmaRemoteKey = 0xABC };
        Assert.Equal(FetchVerdict.Fetched, KeyWorld.Fetch(world.Qp, head, out SendWorkRequest request, Sge(8)));
        Assert.Equal((WorkOpcode.AtomicWrite, 0x1230ul, 0xABCu, 8u), (request.Opcode, request.RemoteAddress, request.RemoteKey, request.TotalBytes));
        head = head with { Flags = (uint)PvrdmaSendFlags.Inline, TotalBytes = 8 };
        Assert.Equal(FetchVerdict.Fetched, KeyWorld.Fetch(world.Qp, head, out request));
        Assert.Equal((0, 8u, SendFlags.Inline), (request.SgeCount, request.TotalBytes, request.Flags));
    }

    [Theory]
    [InlineData(PvrdmaWrOpcode.Flush)]
    [InlineData(PvrdmaWrOpcode.AtomicWrite)]
    [InlineData(PvrdmaWrOpcode.BindMemoryWindow)]
    public void Operations_of_the_extension_are_not_the_stock_drivers(PvrdmaWrOpcode opcode)
    {
        using var world = new KeyWorld(extension: ExtensionBits.None);
        ReadOnlySpan<PvrdmaSge> entries = opcode == PvrdmaWrOpcode.AtomicWrite ? [Sge(8)] : [];
        Assert.Equal(FetchVerdict.Invalid, KeyWorld.Fetch(world.Qp, new PvrdmaSendWqe { Opcode = (uint)opcode }, out _, entries));
    }

    [Theory]
    [InlineData(PvrdmaWrOpcode.LargeSendOffload)]
    [InlineData(PvrdmaWrOpcode.RdmaReadWithInvalidate)]
    [InlineData(PvrdmaWrOpcode.RegisterSignatureMr)]
    [InlineData(PvrdmaWrOpcode.Error)]
    [InlineData((PvrdmaWrOpcode)0x102)]
    [InlineData((PvrdmaWrOpcode)uint.MaxValue)]
    public void Operations_that_nobody_knows_are_refused(PvrdmaWrOpcode opcode)
    {
        using var world = new KeyWorld();
        Assert.Equal(FetchVerdict.Invalid, KeyWorld.Fetch(world.Qp, new PvrdmaSendWqe { Opcode = (uint)opcode }, out _));
    }

    [Theory]
    [InlineData(PvrdmaWrOpcode.LocalInvalidate)]
    [InlineData(PvrdmaWrOpcode.BindMemoryWindow)]
    [InlineData(PvrdmaWrOpcode.FastRegisterMr)]
    public void Operations_on_keys_have_no_data(PvrdmaWrOpcode opcode)
    {
        using var world = new KeyWorld();
        var head = new PvrdmaSendWqe { Opcode = (uint)opcode, ImmediateOrKey = 0x55 };
        Assert.Equal(FetchVerdict.Fetched, KeyWorld.Fetch(world.Qp, head, out SendWorkRequest request));
        Assert.Equal((0, 0u), (request.SgeCount, request.TotalBytes));
        Assert.Equal(FetchVerdict.Invalid, KeyWorld.Fetch(world.Qp, head, out _, Sge(8)));
        Assert.Equal(FetchVerdict.Invalid, KeyWorld.Fetch(world.Qp, head with { Flags = (uint)PvrdmaSendFlags.Inline }, out _));
    }

    [Fact]
    public void Datagram()
    {
        using var world = new KeyWorld();
        var qp = world.CreateQueuePair(type: PvrdmaQpType.Ud);
        Assert.Equal(FetchVerdict.Fetched, KeyWorld.Fetch(qp, To(world, Peer), out SendWorkRequest request, Sge(100)));
        Assert.Equal((Peer, 0x123456u, 0x8000_0001u, 0xB8, 17, 0), (request.Datagram.Gid, request.Datagram.Qpn, request.Datagram.QueueKey,
            request.Datagram.TrafficClass, request.Datagram.HopLimit, request.Datagram.SourceGidIndex));
    }

    public static TheoryData<string> DatagramLies => ["no address", "domain", "port", "gid index", "number", "opcode write", "opcode invalidate", "opcode local"];

    [Theory]
    [MemberData(nameof(DatagramLies))]
    public void A_datagram_that_lies_is_refused(string lie)
    {
        using var world = new KeyWorld();
        var qp = world.CreateQueuePair(type: PvrdmaQpType.Ud);
        PvrdmaSendWqe head = To(world, lie == "no address" ? default : Peer);
        switch (lie)
        {
            case "domain": head.DatagramAddress.PortAndPd++; break;
            case "port": head.DatagramAddress.PortAndPd += 1u << 24; break;
            case "gid index": head.DatagramAddress.GidIndex = 1; break;
            case "number": head.DatagramQpn = 1 << 24; break;
            case "opcode write": head.Opcode = (uint)PvrdmaWrOpcode.RdmaWrite; break;
            case "opcode invalidate": head.Opcode = (uint)PvrdmaWrOpcode.SendWithInvalidate; break;
            case "opcode local": head.Opcode = (uint)PvrdmaWrOpcode.LocalInvalidate; break;
        }

        ReadOnlySpan<PvrdmaSge> entries = lie == "opcode local" ? [] : [Sge(100)];
        Assert.Equal(FetchVerdict.Invalid, KeyWorld.Fetch(qp, head, out _, entries));
    }

    /// <summary>The numbers of the ABI are not the verbs'.</summary>
    [Theory]
    [InlineData(CompletionOpcode.Send, PvrdmaWcOpcode.Send)]
    [InlineData(CompletionOpcode.Write, PvrdmaWcOpcode.RdmaWrite)]
    [InlineData(CompletionOpcode.Read, PvrdmaWcOpcode.RdmaRead)]
    [InlineData(CompletionOpcode.CompareSwap, PvrdmaWcOpcode.CompareSwap)]
    [InlineData(CompletionOpcode.FetchAdd, PvrdmaWcOpcode.FetchAdd)]
    [InlineData(CompletionOpcode.BindWindow, PvrdmaWcOpcode.BindMemoryWindow)]
    [InlineData(CompletionOpcode.LocalInvalidate, PvrdmaWcOpcode.LocalInvalidate)]
    [InlineData(CompletionOpcode.FastRegister, PvrdmaWcOpcode.FastRegisterMr)]
    [InlineData(CompletionOpcode.MaskedCompareSwap, PvrdmaWcOpcode.MaskedCompareSwap)]
    [InlineData(CompletionOpcode.MaskedFetchAdd, PvrdmaWcOpcode.MaskedFetchAdd)]
    [InlineData(CompletionOpcode.Flush, PvrdmaWcOpcode.Flush)]
    [InlineData(CompletionOpcode.AtomicWrite, PvrdmaWcOpcode.AtomicWrite)]
    [InlineData(CompletionOpcode.Receive, PvrdmaWcOpcode.Receive)]
    [InlineData(CompletionOpcode.ReceiveWriteWithImmediate, PvrdmaWcOpcode.ReceiveRdmaWithImmediate)]
    public void A_completion_names_its_operation_by_the_number_of_the_abi(CompletionOpcode opcode, PvrdmaWcOpcode expected)
    {
        Assert.Equal(Enum.GetValues<CompletionOpcode>().Length, Enum.GetValues<PvrdmaWcOpcode>().Length - 1);
        using var pair = new KeyWorld();
        pair.Qp.Engine.Host.CompleteSend(pair.Qp.Engine, new Completion { WorkRequestId = 4, Opcode = opcode }, writeEntry: true);
        pair.Guest.Device.PublishCompletions();
        Assert.True(pair.Queue.TryPoll(out PvrdmaCqe entry));
        Assert.Equal((4ul, (uint)expected), (entry.WorkRequestId, entry.Opcode));
    }

    private static PvrdmaSge Sge(uint bytes) => new() { Address = 0x1000, Length = bytes, LocalKey = 1 };

    private static PvrdmaSendWqe Masked(PvrdmaWrOpcode opcode) => new()
    {
        Opcode = (uint)opcode,
        RemoteAddress = 0x1234,
        MaskedLogArgumentBytes = 3,
        MaskedRemoteKey = 0xABC,
        MaskedSwapOrAdd = 1,
        MaskedCompareOrBoundary = 2,
        MaskedSwapMask = 3,
        MaskedCompareMask = 4,
    };

    private static PvrdmaSendWqe To(KeyWorld world, Gid destination)
    {
        var head = new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.Send, DatagramQpn = 0x123456, DatagramQkey = 0x8000_0001 };
        head.DatagramAddress.PortAndPd = (1u << 24) | world.Domain;
        head.DatagramAddress.ServiceLevelClassFlow = (3u << 28) | (0xB8u << 20) | 0xFFFFF;
        head.DatagramAddress.HopLimit = 17;
        destination.Write(head.DatagramAddress.DestinationGid);
        return head;
    }
}
