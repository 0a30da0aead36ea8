using RoceEngine.Abi;
using RoceEngine.Device;
using RoceEngine.Wire;

namespace Device.Tests;

/// <summary>Two guests, each with its device, whose packets reach the other's at once: no codec, no clock but a counted one.</summary>
internal sealed class DevicePair : IDisposable
{
    private readonly DirectSink _toB;
    private readonly DirectSink _toA;

    public DevicePair(GuestOptions? options = null)
    {
        options ??= new GuestOptions();
        A = new TestGuest(options with { Address = "10.0.0.1" });
        B = new TestGuest(options with { Address = "10.0.0.2" });
        _toB = new DirectSink(this, A, B);
        _toA = new DirectSink(this, B, A);
    }

    public TestGuest A { get; }

    public TestGuest B { get; }

    /// <summary>Drops packets for which it answers true.</summary>
    public Func<Packet, bool>? Drop { get; set; }

    /// <summary>A connected QP on each side, with a CQ for all of its completions and a region.</summary>
    public (Endpoint A, Endpoint B) Connect(
        int regionBytes = 65536, PvrdmaMtu mtu = PvrdmaMtu.Mtu1024, ulong start = 0x7000_0000_0123, byte timeout = 14, byte retries = 7)
    {
        var a = new Endpoint(A, regionBytes, start);
        var b = new Endpoint(B, regionBytes, start + 0x1000_0000);
        foreach ((Endpoint here, Endpoint there) in new[] { (a, b), (b, a) })
        {
            here.Qp.ToInit();
            here.Qp.ToReadyToReceive(there.Guest.Device.Gid, there.Qp.Qpn, mtu);
            here.Qp.ToReadyToSend(timeout, retries);
        }

        return (a, b);
    }

    /// <summary>Turns of both devices until nothing moves any more.</summary>
    public void Run(int turns = 200)
    {
        for (int i = 0; i < turns; i++)
        {
            Turn(A, _toB);
            Turn(B, _toA);
            if (!A.Device.HasTransmits && !B.Device.HasTransmits && !A.Device.HasDoorbells && !B.Device.HasDoorbells)
            {
                // What B's last packets completed at A.
                PublishLast();
                return;
            }
        }

        Assert.Fail("the devices did not come to rest");
    }

    private void PublishLast()
    {
        if (A.Around is null)
        {
            A.Device.PublishCompletions();
        }
        else
        {
            A.Call(() => A.Device.PublishCompletions());
        }
    }

    /// <summary>Lets time pass to the next deadline of either device.</summary>
    public bool PassTime()
    {
        long next = Math.Min(A.Device.NextDeadlineNs, B.Device.NextDeadlineNs);
        if (next == long.MaxValue)
        {
            return false;
        }

        A.NowNs = B.NowNs = Math.Max(next, A.NowNs);
        Run();
        return true;
    }

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
    }

    private static void Turn(TestGuest guest, DirectSink sink)
    {
        guest.NowNs += 1000;
        if (guest.Around is null)
        {
            Serve(guest, sink);
        }
        else
        {
            ServeWatched(guest, sink);
        }
    }

    // On its own: a closure would be made for every turn, and allocations are measured.
    private static void ServeWatched(TestGuest guest, DirectSink sink) => guest.Call(() => Serve(guest, sink));

    private static void Serve(TestGuest guest, DirectSink sink)
    {
        guest.Device.HarvestDoorbells(256, guest.NowNs);
        guest.Device.HandleTimeouts(guest.NowNs);
        guest.Device.Transmit(sink, 256, guest.NowNs);
        guest.Device.PublishCompletions();
    }

    /// <summary>One side's end of a connection.</summary>
    internal sealed class Endpoint
    {
        public Endpoint(
            TestGuest guest,
            int regionBytes,
            ulong start,
            PvrdmaAccess access = PvrdmaAccess.RemoteRead | PvrdmaAccess.RemoteWrite | PvrdmaAccess.RemoteAtomic)
        {
            Guest = guest;
            Domain = guest.CreateDomain();
            Cq = guest.CreateCompletionQueue();
            Region = guest.CreateRegion(
                Domain,
                regionBytes,
                PvrdmaAccess.LocalWrite | access | (guest.Options.Extension.HasFlag(ExtensionBits.MemoryWindows) ? PvrdmaAccess.WindowBind : 0),
                start);
            Qp = guest.CreateQueuePair(Domain, Cq, Cq);
        }

        public TestGuest Guest { get; }

        public uint Domain { get; }

        public GuestCompletionQueue Cq { get; }

        public GuestRegion Region { get; }

        public GuestQueuePair Qp { get; }
    }

    private sealed class DirectSink(DevicePair pair, TestGuest from, TestGuest to) : IPacketSink
    {
        public bool HasRoom => true;

        public void Emit(in Packet packet, Route route)
        {
            bool isForOther = route.Destination == to.Device.Gid || to.Environment.Groups.Contains(route.Destination);
            if (route.Source != from.Device.Gid || !isForOther)
            {
                Assert.Fail("a packet on the wrong route");
            }

            if (pair.Drop?.Invoke(packet) != true)
            {
                if (to.Around is null)
                {
                    to.Device.HandlePacket(packet, from.Device.Gid, route.Destination, to.NowNs);
                }
                else
                {
                    HandWatched(packet, route);
                }
            }
        }

        private void HandWatched(Packet packet, Route route) =>
            to.Call(() => to.Device.HandlePacket(packet, from.Device.Gid, route.Destination, to.NowNs));
    }
}
