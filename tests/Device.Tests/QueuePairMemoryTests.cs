using RoceEngine.Abi;

namespace Device.Tests;

/// <summary>
/// What a connected QP costs the host, all included: the records of device and protocol, page lists, handle and number tables, timers, and
/// what traffic has left behind.
/// </summary>
[Collection(nameof(MeasuresMemory))]
public sealed unsafe class QueuePairMemoryTests : IDisposable
{
    private const int Pairs = 10_000;
    private const int BytesMax = 4096;
    private const ulong Start = 0x7000_0000_0000;

    private readonly DevicePair _pair = new(new GuestOptions { Pages = 8 * Pairs });
    private readonly End _a;
    private readonly End _b;

    public QueuePairMemoryTests()
    {
        _a = new End(_pair.A);
        _b = new End(_pair.B);
    }

    public void Dispose() => _pair.Dispose();

    [Fact]
    public void An_idle_connected_queue_pair_costs_at_most_four_kibibytes_before_and_after_traffic()
    {
        long empty = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < Pairs; i++)
        {
            Assert.Equal(PvrdmaCommandError.None, _a.QueuePairs[i].Create());
            Assert.Equal(PvrdmaCommandError.None, _b.QueuePairs[i].Create());
            Connect(_a, _b, i);
            Connect(_b, _a, i);
        }

        long connected = GC.GetTotalMemory(forceFullCollection: true) - empty;
        Assert.InRange(connected / (2 * Pairs), 1, BytesMax);
        for (int i = 0; i < Pairs; i++)
        {
            Exchange(i);
        }

        long used = GC.GetTotalMemory(forceFullCollection: true) - empty;
        TestContext.Current.TestOutputHelper?.WriteLine($"{connected / (2 * Pairs)} bytes when connected, {used / (2 * Pairs)} after traffic");
        Assert.InRange(used / (2 * Pairs), 1, BytesMax);
    }

    private static void Connect(End here, End there, int index)
    {
        here.QueuePairs[index].ToInit();
        here.QueuePairs[index].ToReadyToReceive(there.Guest.Device.Gid, there.QueuePairs[index].Qpn);
        here.QueuePairs[index].ToReadyToSend();
    }

    /// <summary>A WRITE and a READ each way.</summary>
    private void Exchange(int index)
    {
        foreach (PvrdmaWrOpcode opcode in (PvrdmaWrOpcode[])[PvrdmaWrOpcode.RdmaWrite, PvrdmaWrOpcode.RdmaRead])
        {
            Post(_a, _b, index, opcode);
            Post(_b, _a, index, opcode);
            _pair.Run();
            Assert.Equal((uint)PvrdmaWcStatus.Success, Take(_a));
            Assert.Equal((uint)PvrdmaWcStatus.Success, Take(_b));
        }
    }

    private static uint Take(End end)
    {
        Assert.True(end.Queue.TryPoll(out PvrdmaCqe entry));
        return entry.Status;
    }

    private static void Post(End here, End there, int index, PvrdmaWrOpcode opcode)
    {
        var head = new PvrdmaSendWqe
        {
            Opcode = (uint)opcode, Flags = (uint)PvrdmaSendFlags.Signaled, RemoteAddress = Start, RdmaRemoteKey = there.Region.Key,
        };
        here.QueuePairs[index].PostSend(head, here.Region.Sge(0, 64));
        here.Guest.RingSend(here.QueuePairs[index]);
    }

    /// <summary>One guest's side, everything but the QPs made.</summary>
    private sealed class End
    {
        public End(TestGuest guest)
        {
            Guest = guest;
            uint domain = guest.CreateDomain();
            Queue = guest.CreateCompletionQueue();
            Region = guest.CreateRegion(
                domain, 4096, PvrdmaAccess.LocalWrite | PvrdmaAccess.RemoteWrite | PvrdmaAccess.RemoteRead, Start);
            QueuePairs =
            [
                .. Enumerable.Range(0, Pairs).Select(_ => new GuestQueuePair(
                    guest, domain, Queue, Queue,
                    request => request with { MaxSendWr = 8, MaxReceiveWr = 8, MaxSendSge = 1, MaxReceiveSge = 1 })),
            ];
        }

        public TestGuest Guest { get; }

        public GuestCompletionQueue Queue { get; }

        public GuestRegion Region { get; }

        public GuestQueuePair[] QueuePairs { get; }
    }
}
