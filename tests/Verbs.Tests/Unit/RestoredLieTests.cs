using RoceEngine.Abi;
using RoceEngine.Channel;

namespace RoceEngine.Verbs.Tests;

/// <summary>Files can be forged and daemons can lie: what makes no sense is refused, and nothing outside of guest RAM is touched because of it.</summary>
public sealed unsafe class RestoredLieTests
{
    /// <summary>What a device may say of an object that it cannot mean.</summary>
    public static TheoryData<string, Func<PvrdmaNextObjectResponse, PvrdmaNextObjectResponse>> Lies => new()
    {
        { "qp", found => found with { FirstPage = 1ul << 40 } },
        { "qp", found => found with { FirstPage = found.FirstPage + 8 } },
        { "qp", found => found with { FirstPage = 0 } },
        { "qp", found => found with { PageCount = uint.MaxValue } },
        { "qp", found => found with { PageCount = 1 } },
        { "qp", found => found with { Flags = 0 } },
        { "qp", found => found with { SendPageCount = uint.MaxValue } },
        { "qp", found => found with { SendPageCount = 0 } },
        { "qp", found => found with { State = 7 } },
        { "qp", found => found with { Type = 0 } },
        { "qp", found => found with { Type = 9 } },
        { "qp", found => found with { Number = 1 << 24 } },
        { "qp", found => found with { PdHandle = 999 } },
        { "qp", found => found with { SendCqHandle = 999 } },
        { "qp", found => found with { ReceiveCqHandle = 0 } },
        { "qp", found => found with { SrqHandle = 999 } },
        { "qp", found => found with { Capabilities = found.Capabilities with { MaxSendWr = 0 } } },
        { "qp", found => found with { Capabilities = found.Capabilities with { MaxSendWr = 7 } } },
        { "qp", found => found with { Capabilities = found.Capabilities with { MaxSendWr = 1u << 31 } } },
        { "qp", found => found with { Capabilities = found.Capabilities with { MaxReceiveWr = 1 << 20 } } },
        { "qp", found => found with { Capabilities = found.Capabilities with { MaxSendSge = uint.MaxValue } } },
        { "qp", found => found with { Capabilities = found.Capabilities with { MaxReceiveSge = 0 } } },
        { "qp", found => found with { Capabilities = found.Capabilities with { MaxInlineBytes = uint.MaxValue } } },
        { "cq", found => found with { FirstPage = ulong.MaxValue - 4095 } },
        { "cq", found => found with { EntryCount = 0 } },
        { "cq", found => found with { EntryCount = 48 } },
        { "cq", found => found with { EntryCount = 1u << 31 } },
        { "cq", found => found with { EntryCount = 1 << 12 } },
        { "srq", found => found with { EntryCount = 1 << 12 } },
        { "srq", found => found with { PdHandle = 0 } },
        { "srq", found => found with { Capabilities = default } },
        { "mr", found => found with { Length = ulong.MaxValue } },
        { "mr", found => found with { Length = 0 } },
        { "mr", found => found with { Length = found.Length + 1 } },
        { "mr", found => found with { FirstPage = found.FirstPage + 4096 } },
        { "mr", found => found with { FirstPage = 4096 } },
        { "mr", found => found with { Type = (uint)PvrdmaRegionType.Process } },
        { "mr", found => found with { Type = 77 } },
        { "mr", found => found with { PdHandle = 12345 } },
        { "mw", found => found with { Type = 3 } },
        { "mw", found => found with { PdHandle = uint.MaxValue } },
    };

    [Theory]
    [MemberData(nameof(Lies), DisableDiscoveryEnumeration = true)]
    public void An_impossible_object_is_refused_and_the_next_process_gets_the_device(string kind, Func<PvrdmaNextObjectResponse, PvrdmaNextObjectResponse> lie)
    {
        using var bench = new FakeBench();
        GuestMemory memory = bench.Context.AllocateMemory(4096);
        MemoryRegion region = bench.Domain.RegisterMemory(memory, AccessFlags.LocalWrite);
        _ = bench.Domain.CreateSharedReceiveQueue(new SharedReceiveQueueOptions { Depth = 16 });
        _ = bench.Domain.AllocateMemoryWindow(MemoryWindowType.Type1);
        PvrdmaObjectKind listed = kind switch
        {
            "qp" => PvrdmaObjectKind.QueuePair,
            "cq" => PvrdmaObjectKind.CompletionQueue,
            "srq" => PvrdmaObjectKind.SharedReceiveQueue,
            "mr" => PvrdmaObjectKind.MemoryRegion,
            _ => PvrdmaObjectKind.MemoryWindow,
        };
        uint handle = bench.Device.Objects[listed].Keys[0];
        PvrdmaNextObjectResponse truth = bench.Device.Objects[listed][handle];
        bench.Device.Change(listed, handle, lie);
        Assert.NotEqual(truth, bench.Device.Objects[listed][handle]);
        Assert.Equal(Errno.InputOutput, Assert.Throws<VerbsException>(() => RdmaContext.OpenRestored(bench.Device.Succeed())).Errno);
        bench.Device.Objects[listed][handle] = truth;
        using RdmaContext context = RdmaContext.OpenRestored(bench.Device.Succeed());
        Assert.Equal(region.Address, Assert.Single(context.Restored!.MemoryRegions).Address);
    }

    [Fact]
    public void A_list_without_end_or_of_impossible_handles_is_refused()
    {
        using var bench = new FakeBench();
        bench.Device.Lie = request => new PvrdmaNextObjectResponse { Handle = request.Handle == 1 ? 5u : 5u };
        Refuse(bench);
        bench.Device.Lie = request => new PvrdmaNextObjectResponse { Handle = request.Handle == 1 ? 7u : 3u };
        Refuse(bench);
        bench.Device.Lie = _ => new PvrdmaNextObjectResponse { Handle = uint.MaxValue };
        Refuse(bench);
    }

    [Fact]
    public void A_queue_pair_without_a_doorbell_is_refused()
    {
        using var bench = new FakeBench();
        SortedList<uint, PvrdmaNextObjectResponse> pairs = bench.Device.Objects[PvrdmaObjectKind.QueuePair];
        PvrdmaNextObjectResponse pair = pairs.Values[0];
        pairs.Clear();
        pairs.Add(ControlRegion.HandlesMax, pair with { Handle = ControlRegion.HandlesMax });
        Refuse(bench);
    }

    [Fact]
    public void Two_objects_over_the_same_pages_are_refused()
    {
        using var bench = new FakeBench();
        QueuePair second = bench.CreateQueuePair();
        ulong pages = bench.Device.Objects[PvrdmaObjectKind.QueuePair][bench.QueuePair.Handle].FirstPage;
        bench.Device.Change(PvrdmaObjectKind.QueuePair, second.Handle, found => found with { FirstPage = pages });
        Refuse(bench);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public void Impossible_indices_are_refused(int offset)
    {
        using var bench = new FakeBench(depth: 8);
        foreach (PvrdmaObjectKind kind in new[] { PvrdmaObjectKind.QueuePair, PvrdmaObjectKind.CompletionQueue })
        {
            byte* page = bench.Device.Ram + bench.Device.Objects[kind].Values[0].FirstPage;
            uint* index = (uint*)(page + (kind == PvrdmaObjectKind.QueuePair ? 0 : 8) + offset);
            uint before = *index;
            *index = 0x7777_7777;
            Refuse(bench);
            *index = before;
        }
        RdmaContext.OpenRestored(bench.Device.Succeed()).Dispose();
    }

    [Theory]
    [InlineData("magic")]
    [InlineData("version")]
    [InlineData("address")]
    [InlineData("shared region")]
    [InlineData("event ring")]
    [InlineData("notification ring")]
    [InlineData("loop")]
    [InlineData("outside")]
    public void Notes_that_make_no_sense_are_refused(string what)
    {
        using var bench = new FakeBench();
        var head = (GuestLedgerHead*)bench.Device.Ram;
        GuestLedgerHead truth = *head;
        ulong ramBytes = (ulong)bench.Device.Channel.GuestRamBytes;
        switch (what)
        {
            case "magic":
                head->Magic++;
                break;
            case "version":
                head->Version++;
                break;
            case "address":
                head->RamAddress += 4096;
                break;
            case "shared region":
                head->SharedRegion = ramBytes - 4096;
                break;
            case "event ring":
                head->AsyncRing += 64;
                break;
            case "notification ring":
                head->NotificationRing = ulong.MaxValue - 4095;
                break;
            case "loop":
                head->NextPage = ramBytes - 4096;
                ((GuestLedgerHead*)(bench.Device.Ram + head->NextPage))->NextPage = head->NextPage;
                break;
            default:
                head->NextPage = ramBytes;
                break;
        }
        Refuse(bench);
        *head = truth;
        RdmaContext.OpenRestored(bench.Device.Succeed()).Dispose();
    }

    [Theory]
    [InlineData(4096 * 3, 4096, 0)]
    [InlineData(0, 4096, 0)]
    [InlineData(100, 10, 0)]
    [InlineData(1 << 20, -1, 0)]
    [InlineData(1 << 20, 0, 0)]
    [InlineData(1 << 20, long.MaxValue, 0)]
    [InlineData(-4096, 4096, 0)]
    public void Memory_that_cannot_be_is_refused(long address, long bytes, uint handle)
    {
        using var bench = new FakeBench();
        GuestMemory memory = bench.Context.AllocateMemory(4096);
        GuestLedgerEntry* entry = null;
        for (int i = 1; i <= GuestLedger.EntriesPerPage; i++)
        {
            var candidate = (GuestLedgerEntry*)(bench.Device.Ram + (i * GuestLedger.EntryBytes));
            if (candidate->Kind == (uint)GuestLedgerKind.Memory)
                entry = candidate;
        }
        Assert.Equal((long)memory.Address - (long)bench.Device.Ram, (long)entry->Address);
        entry->Address = (ulong)address;
        entry->Length = (ulong)bytes;
        entry->Handle = handle;
        Refuse(bench);
    }

    [Fact]
    public void A_device_that_does_not_list_its_objects_is_refused()
    {
        using var bench = new FakeBench();
        bench.Device.Errors[PvrdmaCommand.NextObject] = (byte)PvrdmaCommandError.NotSupported;
        Assert.Equal(Errno.NotSupported, Assert.Throws<VerbsException>(() => RdmaContext.OpenRestored(bench.Device.Succeed())).Errno);
    }

    private static void Refuse(FakeBench bench)
    {
        DeviceChannel channel = bench.Device.Succeed();
        Assert.Equal(Errno.InputOutput, Assert.Throws<VerbsException>(() => RdmaContext.OpenRestored(channel)).Errno);
    }
}
