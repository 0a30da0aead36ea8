using RoceEngine.Abi;
using RoceEngine.Device;

namespace Device.Tests;

/// <summary>A guest that changes what the device is reading. The device may see any of the values; it must see one of them, once.</summary>
public sealed unsafe class RaceTests
{
    /// <summary>
    /// One thread writes random numbers over the work requests while the device takes them. Whatever comes out, the daemon lives, and no
    /// byte beyond the regions changes.
    /// </summary>
    [Fact]
    public void Work_requests_that_change_while_they_are_read_harm_only_their_guest()
    {
        using var pair = new DevicePair(new GuestOptions { Extension = ExtensionBits.Inline | ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        bool stop = false;
        var flipper = new Thread(() =>
        {
            var random = new Random(7);
            while (!Volatile.Read(ref stop))
            {
                for (uint slot = 0; slot < 64; slot++)
                {
                    var head = (PvrdmaSendWqe*)a.Qp.SendSlot(slot);
                    head->SgeCount = random.Next(4) == 0 ? (uint)random.Next() : 2;
                    head->Opcode = (uint)random.Next(16);
                    head->Flags = (uint)random.Next(16);
                    head->TotalBytes = (uint)random.Next(100);
                    var sge = (PvrdmaSge*)(head + 1);
                    sge->Length = random.Next(2) == 0 ? uint.MaxValue : (uint)random.Next(5000);
                    sge->Address = a.Region.Start + (ulong)random.Next(70000);
                }
            }
        });
        flipper.Start();
        try
        {
            for (int round = 0; round < 300; round++)
            {
                for (int i = 0; i < 16; i++)
                {
                    b.Qp.TryWriteReceive(new PvrdmaReceiveWqe { SgeCount = 1 }, [b.Region.Sge(0, 60000)]);
                    a.Qp.TryWriteSend(
                        BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 1, b, 0) with { SgeCount = 2 }, [a.Region.Sge(0, 64), a.Region.Sge(64, 64)]);
                }

                pair.A.RingSend(a.Qp);
                pair.Run(2000);
                a.Cq.PollAll();
                b.Cq.PollAll();
                Revive(a, b);
                Revive(b, a);
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            flipper.Join();
        }

        Assert.True(pair.A.Device.Statistics.SendsFetched > 300);
        Assert.False(pair.A.Device.IsFatal);
        Assert.False(pair.B.Device.IsFatal);

        // The device still serves a guest that behaves.
        (DevicePair.Endpoint c, DevicePair.Endpoint d) = pair.Connect();
        c.Region.Fill(5);
        c.Qp.PostSend(BackToBackTests.Rdma(PvrdmaWrOpcode.RdmaWrite, 1, d, 0), c.Region.Sge(0, 4000));
        pair.Run();
        Assert.Equal((uint)PvrdmaWcStatus.Success, Assert.Single(c.Cq.PollAll()).Status);
        Assert.Equal(c.Region.ToArray(0, 4000), d.Region.ToArray(0, 4000));
    }

    /// <summary>One thread writes random numbers over the shared indices and the doorbells.</summary>
    [Fact]
    public void Indices_and_doorbells_that_change_at_random_harm_only_their_guest()
    {
        using var pair = new DevicePair(new GuestOptions { Extension = ExtensionBits.DoorbellBitmap | ExtensionBits.ArmWord });
        (DevicePair.Endpoint a, DevicePair.Endpoint b) = pair.Connect();
        bool stop = false;
        var flipper = new Thread(() =>
        {
            var random = new Random(11);
            while (!Volatile.Read(ref stop))
            {
                a.Qp.State->Send.ProducerTail = (uint)random.Next(130);
                a.Qp.State->Send.ConsumerHead = (uint)random.Next();
                a.Qp.State->Receive.ProducerTail = (uint)random.Next(130);
                a.Cq.Ring->ProducerTail = (uint)random.Next();
                a.Cq.Ring->ConsumerHead = (uint)random.Next(600);
                a.Cq.Page->ArmWord = (uint)random.Next(4);
                ((ulong*)(pair.A.Control + ControlRegion.SendWords))[random.Next(512)] = (ulong)random.NextInt64();
                ((ulong*)(pair.A.Control + ControlRegion.SendSummary))[random.Next(8)] = (ulong)random.NextInt64();
            }
        });
        flipper.Start();
        try
        {
            var sink = new Discard();
            // At least until the other thread had a turn and was caught.
            long until = Environment.TickCount64 + 60_000;
            for (int round = 0; round < 2000 || pair.A.Device.Statistics.ByFault[(int)GuestFault.RingIndex] == 0; round++)
            {
                Assert.True(Environment.TickCount64 < until, "no impossible index was noticed in a minute");
                if (round >= 2000)
                {
                    Thread.Yield();
                }

                pair.A.NowNs += 1000;
                Assert.InRange(pair.A.Device.HarvestDoorbells(64, pair.A.NowNs), 0, 64);
                pair.A.Device.Transmit(sink, 64, pair.A.NowNs);
                pair.A.Device.HandleTimeouts(pair.A.NowNs);
                pair.A.Device.PublishCompletions();
                if (round % 10 == 0)
                {
                    Revive(a, b);
                }
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            flipper.Join();
        }

        Assert.False(pair.A.Device.IsFatal);
        Assert.Equal(PvrdmaCommandError.None, pair.A.Destroy(PvrdmaCommand.DestroyQp, a.Qp.Handle));
        Assert.Equal(PvrdmaCommandError.None, pair.A.Destroy(PvrdmaCommand.DestroyCq, a.Cq.Handle));
    }

    private static void Revive(DevicePair.Endpoint here, DevicePair.Endpoint there)
    {
        here.Qp.ModifyState(PvrdmaQpState.Reset);
        here.Qp.ResetIndices();
        here.Qp.ToInit();
        here.Qp.ToReadyToReceive(there.Guest.Device.Gid, there.Qp.Qpn);
        here.Qp.ToReadyToSend();
    }

    private sealed class Discard : RoceEngine.Wire.IPacketSink
    {
        public bool HasRoom => true;

        public void Emit(in RoceEngine.Wire.Packet packet, RoceEngine.Wire.Route route)
        {
        }
    }
}
